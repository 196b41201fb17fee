import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { DONE } from "../../../cores/outcome.ts";
import { Bus } from "../bus.ts";
import type { Device } from "../device.ts";
import { Registers } from "../registers.ts";
import { Msix } from "./msix.ts";
import { PciBus } from "./pci_bus.ts";
import { PciFunction } from "./pci_function.ts";

const IDENTITY = {
  vendor: 0x1af4,
  device: 0x1042,
  revision: 1,
  classCode: 0x010000,
  subsystemVendor: 0x1af4,
  subsystem: 0x1100,
};
const COMMAND = 4, BAR_0 = 0x10, MEMORY_AND_MASTER = 6;
const WINDOW = 0xc0000000;

function functionOf() {
  const memory = new Bus();
  return { memory, pci: new PciFunction(memory, IDENTITY) };
}

Deno.test("PciFunction says what it is", () => {
  const { pci } = functionOf();
  strictEqual(pci.read(0, 4) >>> 0, 0x10421af4);
  strictEqual(pci.read(8, 4), 0x01000001);
  strictEqual(pci.read(0x2c, 4), 0x11001af4);
  strictEqual(pci.read(0x0e, 1), 0);
});

Deno.test("a BAR tells its size, takes an address and answers there when memory is enabled", () => {
  const { memory, pci } = functionOf();
  const device = new Registers(0x4000);
  pci.addBar(0, 0x4000, device);
  pci.write(BAR_0, 4, -1);
  strictEqual(pci.read(BAR_0, 4) >>> 0, 0xffffc000);
  pci.write(BAR_0, 4, WINDOW | 0);
  strictEqual(memory.find(WINDOW, 4), undefined);
  pci.write(COMMAND, 2, MEMORY_AND_MASTER);
  strictEqual(memory.find(WINDOW, 4)!.device, device);
  strictEqual(memory.find(WINDOW + 0x3ffc, 4)!.device, device);
  strictEqual(memory.find(WINDOW + 0x3ffe, 4), undefined);
  strictEqual(memory.find(WINDOW + 0x4000, 1), undefined);
  pci.write(BAR_0 + 2, 2, 0xd000);
  strictEqual(memory.find(WINDOW, 4), undefined);
  strictEqual(memory.find(0xd0000000, 1)!.device, device);
  pci.write(COMMAND, 2, 0);
  strictEqual(memory.find(0xd0000000, 1), undefined);
});

Deno.test("assignBars() places each BAR at a multiple of its size, none twice", () => {
  const { memory, pci } = functionOf();
  pci.addBar(0, 0x1000, new Registers(1));
  pci.addBar(3, 0x10000, new Registers(1));
  strictEqual(pci.assignBars(WINDOW), WINDOW + 0x20000);
  pci.write(COMMAND, 2, MEMORY_AND_MASTER);
  ok(memory.find(WINDOW, 1));
  ok(memory.find(WINDOW + 0x10000, 1));
  strictEqual(memory.find(WINDOW + 0x1000, 1), undefined);
});

Deno.test("addBar() refuses a size that no BAR can have", () => {
  const { pci } = functionOf();
  for (const bytes of [0, 16, 0x1800, 3]) throws(() => pci.addBar(0, bytes, pci), RangeError);
});

Deno.test("capabilities form a list whose fixed bits the guest cannot change", () => {
  const { pci } = functionOf();
  const first = pci.addCapability(0x09, Uint8Array.of(1, 2, 3), Uint8Array.of(0, 0xff, 0));
  const second = pci.addCapability(0x11, Uint8Array.of(4), Uint8Array.of());
  strictEqual(pci.read(6, 2) & 0x10, 0x10);
  strictEqual(pci.read(0x34, 1), first);
  strictEqual(pci.read(first, 1), 0x09);
  strictEqual(pci.read(first + 1, 1), second);
  strictEqual(pci.read(second + 1, 1), 0);
  pci.write(first, 4, -1);
  strictEqual(pci.read(first, 4), 0x09 | second << 8 | 1 << 16 | 0xff << 24);
});

Deno.test("PciBus finds functions by ports and by ECAM, and reads all ones elsewhere", () => {
  const { pci } = functionOf();
  const bus = new PciBus(new Registers(1));
  strictEqual(bus.add(pci), 0);
  const { ports, ecam } = bus;
  ports.write(0, 4, 0x80000000 | 0);
  strictEqual(ports.read(4, 4) >>> 0, 0x10421af4);
  strictEqual(ports.read(6, 2), 0x1042);
  strictEqual(ports.read(0, 4) >>> 0, 0x80000000);
  strictEqual(ecam.read(2, 2), 0x1042);
  for (const address of [0x80000800, 0x80000100, 0x80010000, 0]) {
    ports.write(0, 4, address | 0);
    strictEqual(ports.read(4, 4), -1);
    strictEqual(ports.write(4, 4, 0), DONE);
  }
  strictEqual(ecam.read(0x8000, 4), -1);
  strictEqual(ecam.read(0x1000, 4), -1);
});

Deno.test("PciBus takes 32 devices and refuses one more", () => {
  const bus = new PciBus(new Registers(1));
  for (let i = 0; i < 32; i++) strictEqual(bus.add(functionOf().pci), i);
  throws(() => bus.add(functionOf().pci), RangeError);
});

function msixOf(vectors = 3) {
  const { pci } = functionOf();
  const sent: number[][] = [];
  const msix = new Msix(pci, 1, vectors, {
    send: (lo, hi, data) => void sent.push([lo, hi, data]),
  });
  const at = pci.read(0x34, 1);
  const control = (high: number) => pci.write(at + 3, 1, high);
  const program = (vector: number, masked: number) =>
    [0xfee00000 | 0, 7, 0x40 + vector, masked].forEach((word, i) =>
      msix.write(16 * vector + 4 * i, 4, word)
    );
  return { pci, msix, sent, at, control, program };
}

Deno.test("Msix tells how many vectors there are and where table and pending bits lie", () => {
  const { pci, at } = msixOf(3);
  strictEqual(pci.read(at, 1), 0x11);
  strictEqual(pci.read(at + 2, 2), 2);
  strictEqual(pci.read(at + 4, 4), 1);
  strictEqual(pci.read(at + 8, 4), 0x801);
});

Deno.test("trigger() sends a programmed vector's message when nothing masks it", () => {
  const { msix, sent, control, program } = msixOf();
  program(1, 0);
  msix.trigger(1);
  deepStrictEqual(sent, []); // not enabled: the function has no other interrupt
  control(0x80);
  msix.trigger(1);
  deepStrictEqual(sent, [[0xfee00000 | 0, 7, 0x41]]);
  msix.trigger(3);
  msix.trigger(0xffff);
  strictEqual(sent.length, 1);
});

Deno.test("a masked vector stays pending until either mask goes away, and comes once", () => {
  const { msix, sent, control, program } = msixOf();
  control(0x80);
  program(2, 1);
  msix.trigger(2);
  msix.trigger(2);
  strictEqual(sent.length, 0);
  strictEqual(msix.read(0x800, 4), 4);
  msix.write(16 * 2 + 12, 4, 0);
  strictEqual(sent.length, 1);
  strictEqual(msix.read(0x800, 4), 0);
  control(0xc0);
  msix.trigger(2);
  strictEqual(sent.length, 1);
  control(0x80);
  strictEqual(sent.length, 2);
});

/** An access that a guest may make. */
const access = fc.record({
  offset: fc.nat(0x1003),
  size: fc.constantFrom(1, 2, 4),
  value: fc.oneof(fc.integer(), fc.constantFrom(0, -1, MEMORY_AND_MASTER, 0x80, WINDOW | 0)),
  write: fc.boolean(),
});

Deno.test("any accesses to configuration space and BARs are answered", () => {
  fc.assert(
    fc.property(fc.array(access, { maxLength: 40 }), (accesses) => {
      const { pci, msix, memory } = { ...msixOf(), memory: new Bus() };
      const bus = new PciBus(new Registers(1));
      bus.add(pci);
      const reach: readonly Device[] = [pci, msix, bus.ports, bus.ecam];
      accesses.forEach(({ offset, size, value, write }, i) => {
        const device = reach[i % reach.length]!;
        const at = device === bus.ports ? offset % 8 : offset;
        if (write) strictEqual(device.write(at, size, value), DONE);
        else ok(Number.isInteger(device.read(at, size)));
      });
      strictEqual(pci.read(0, 4) >>> 0, 0x10421af4);
      void memory.find(WINDOW, 4);
    }),
    { numRuns: 10_000 },
  );
});
