import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { PM1_CONTROL, PM_TIMER } from "../devices/acpi_pm.ts";
import { buildAcpi } from "./acpi.ts";
import { type AcpiPlatform, pciGsi, PM_PORT } from "./platform.ts";

const FIRST = 0xe0000, LAST = 0xfffff;

const SMALL: AcpiPlatform = {
  vcpus: 2,
  with8259: true,
  ecam: { address: 0xb0000000, lastBus: 255 },
  ioWindows: [{ first: 0, last: 0xcf7 }, { first: 0xd00, last: 0xffff }],
  mmio32: { first: 0xc0000000, last: 0xfebfffff },
};

/** Guest memory below 1 MiB with the tables in it, and what a system reads from it. */
class Memory {
  readonly bytes = new Uint8Array(LAST + 1);
  readonly view = new DataView(this.bytes.buffer);
  readonly rsdp: number;

  constructor(platform: AcpiPlatform) {
    const { rsdp, blocks } = buildAcpi(platform);
    this.rsdp = rsdp;
    let end = FIRST;
    for (const { address, bytes } of blocks.toSorted((a, b) => a.address - b.address)) {
      ok(address >= end, "tables overlap");
      end = address + bytes.length;
      ok(end <= LAST + 1);
      this.bytes.set(bytes, address);
    }
  }

  text(at: number, length: number): string {
    return String.fromCharCode(...this.bytes.subarray(at, at + length));
  }

  long(at: number): number {
    return Number(this.view.getBigUint64(at, true));
  }

  int(at: number): number {
    return this.view.getUint32(at, true);
  }

  sum(at: number, length: number): number {
    return this.bytes.subarray(at, at + length).reduce((sum, byte) => sum + byte & 0xff, 0);
  }

  /** A table by its address, with its checksum looked at. */
  table(at: number, signature: string): { at: number; length: number } {
    strictEqual(this.text(at, 4), signature);
    const length = this.int(at + 4);
    strictEqual(this.sum(at, length), 0, `${signature} has a wrong checksum`);
    return { at, length };
  }

  /** Each table that the XSDT names, by signature. */
  tables(): Map<string, number> {
    strictEqual(this.text(this.rsdp, 8), "RSD PTR ");
    strictEqual(this.sum(this.rsdp, 20), 0);
    strictEqual(this.sum(this.rsdp, this.int(this.rsdp + 20)), 0);
    const { at, length } = this.table(this.long(this.rsdp + 24), "XSDT");
    const found = new Map<string, number>();
    for (let entry = at + 36; entry < at + length; entry += 8) {
      const table = this.long(entry);
      const signature = this.text(table, 4);
      found.set(signature, this.table(table, signature).at);
    }
    return found;
  }

  /** Entries of the MADT. */
  controllers(): number[][] {
    const { at, length } = this.table(this.tables().get("APIC")!, "APIC");
    const entries: number[][] = [];
    for (let entry = at + 44; entry < at + length; entry += this.bytes[entry + 1]!) {
      entries.push([...this.bytes.subarray(entry, entry + this.bytes[entry + 1]!)]);
    }
    return entries;
  }
}

Deno.test("buildAcpi() leaves a chain of pointers from a scan for the RSDP to every table", () => {
  const memory = new Memory(SMALL);
  strictEqual(memory.rsdp % 16, 0);
  ok(memory.rsdp >= FIRST && memory.rsdp <= LAST);
  deepStrictEqual([...memory.tables().keys()], ["FACP", "APIC", "MCFG"]);
});

Deno.test("the FADT leads to FACS and DSDT and says where the fixed hardware is", () => {
  const memory = new Memory(SMALL);
  const fadt = memory.tables().get("FACP")!;
  deepStrictEqual([memory.int(fadt + 4), memory.bytes[fadt + 8], memory.bytes[fadt + 131]], [
    276,
    6,
    5,
  ]);
  const facs = memory.int(fadt + 36), dsdt = memory.int(fadt + 40);
  strictEqual(memory.text(facs, 4), "FACS");
  strictEqual(facs % 64, 0);
  strictEqual(memory.long(fadt + 140), dsdt);
  memory.table(dsdt, "DSDT");
  for (
    const [old, extended, address] of [
      [56, 148, PM_PORT],
      [64, 172, PM_PORT + PM1_CONTROL],
      [76, 208, PM_PORT + PM_TIMER],
    ] as const
  ) {
    strictEqual(memory.int(fadt + old), address);
    deepStrictEqual([memory.bytes[fadt + extended], memory.long(fadt + extended + 4)], [
      1,
      address,
    ]);
  }
  deepStrictEqual([memory.long(fadt + 120), memory.bytes[fadt + 128]], [0xcf9, 0x06]);
  strictEqual(memory.view.getUint16(fadt + 46, true), 9);
});

Deno.test("the MADT has an entry for each processor, of the kind that its id needs", () => {
  const count = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 250, max: 600 }));
  fc.assert(
    fc.property(count, (vcpus) => {
      const entries = new Memory({ ...SMALL, vcpus }).controllers();
      const ids = entries.flatMap(([kind, length, , id, ...rest]) => {
        if (kind === 0) {
          strictEqual(length, 8);
          return rest[0] === 1 ? [id] : [];
        }
        if (kind === 9) {
          strictEqual(length, 16);
          return rest[4] === 1 ? [rest[0]! | rest[1]! << 8] : [];
        }
        return [];
      });
      deepStrictEqual(ids, [...Array(vcpus).keys()]);
      strictEqual(entries.filter(([kind]) => kind === 0).length, Math.min(vcpus, 255));
    }),
    { numRuns: 20 },
  );
});

Deno.test("the MADT tells whether there are 8259", () => {
  for (const with8259 of [true, false]) {
    const memory = new Memory({ ...SMALL, with8259 });
    strictEqual(memory.int(memory.tables().get("APIC")! + 40) & 1, with8259 ? 1 : 0);
  }
});

Deno.test("the MADT has one IO-APIC and overrides the timer and the SCI", () => {
  const entries = new Memory(SMALL).controllers().filter(([kind]) => kind === 1 || kind === 2);
  deepStrictEqual(entries, [
    [1, 12, 0, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0],
    [2, 10, 0, 0, 2, 0, 0, 0, 0, 0],
    [2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0],
  ]);
});

Deno.test("the MCFG tells where configuration space is and how many buses it has", () => {
  const memory = new Memory({ ...SMALL, ecam: { address: 0xe0000000, lastBus: 63 } });
  const at = memory.tables().get("MCFG")!;
  strictEqual(memory.int(at + 4), 60);
  deepStrictEqual([memory.long(at + 44), memory.bytes[at + 54], memory.bytes[at + 55]], [
    0xe0000000,
    0,
    63,
  ]);
});

Deno.test("pciGsi() gives the four pins of a device different inputs, 16 to 19", () => {
  for (let device = 0; device < 32; device++) {
    const inputs = [0, 1, 2, 3].map((pin) => pciGsi(device, pin));
    deepStrictEqual(inputs.toSorted(), [16, 17, 18, 19]);
  }
  ok(pciGsi(1, 0) !== pciGsi(2, 0));
});

Deno.test("buildAcpi() refuses tables that do not fit below 1 MiB", () => {
  new Memory({ ...SMALL, vcpus: 7000 });
  throws(() => buildAcpi({ ...SMALL, vcpus: 9000 }), RangeError);
});
