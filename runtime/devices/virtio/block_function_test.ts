/** A disk as its whole PCI function: a guest may do anything to its registers, rings and requests. */
import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import type { Stub } from "../../../cores/stub.ts";
import { Bus } from "../bus.ts";
import { VirtioBlock } from "./block.ts";
import { DriverSide, FLAG } from "./driver_side.ts";
import { VirtioPci } from "./virtio_pci.ts";

const ROUNDS = 10_000;
const SECTOR = 512, SECTORS = 64, QUEUES = 2;
/** Guest memory, between two guards that nobody may touch. */
const MEMORY = 65536, GUARD = 65536, GUARDED = 0xa5;
const HEADER = 0x8000, DATA = 0x9000, STATUS = 0xf000;
const BAR = 0xc0000000, CONFIG_BYTES = 4096, BAR_BYTES = [0x4000, 0x1000];
const COMMAND = 4, BAR_0 = 0x10, MEMORY_AND_MASTER = 6;
const READY = 15, READ = 0;

/** The stub's file calls on an array, which refuse to believe what they are handed. */
function fileIn(guest: Uint8Array, file: Uint8Array): Stub {
  const move = (segments: Int32Array, count: number, lo: number, hi: number, write: boolean) => {
    ok(count > 0 && hi === 0 && lo >= 0, `${count} segments at ${hi}:${lo}`);
    let at = lo;
    for (let i = 0; i < count; i++) {
      const address = segments[3 * i]!, length = segments[3 * i + 2]!;
      ok(segments[3 * i + 1] === 0 && length > 0, "inside memory");
      ok(address >= 0 && address + length <= MEMORY, "inside memory");
      ok(at + length <= file.length, "inside the disk");
      if (write) file.set(guest.subarray(address, address + length), at);
      else guest.set(file.subarray(at, at + length), address);
      at += length;
    }
    return at - lo;
  };
  return {
    sx_file_read_segments: (
      _f: number,
      _v: number,
      s: Int32Array,
      n: number,
      lo: number,
      hi: number,
    ) => move(s, n, lo, hi, false),
    sx_file_write_segments: (
      _f: number,
      _v: number,
      s: Int32Array,
      n: number,
      lo: number,
      hi: number,
    ) => move(s, n, lo, hi, true),
    sx_file_zero: (_f: number, lo: number, hi: number, length: number) => {
      ok(hi === 0 && lo >= 0 && length >= 0 && lo + length <= file.length);
      file.fill(0, lo, lo + length);
      return 0;
    },
    sx_file_flush_start: () => 0,
    sx_file_flush_poll: () => 1,
  } as unknown as Stub;
}

/** A disk on a bus, and a guest that reaches it by its configuration space and its BARs. */
class Machine {
  readonly #memory = new Uint8Array(MEMORY + 2 * GUARD).fill(GUARDED);
  readonly #bus = new Bus();
  readonly file = new Uint8Array(SECTORS * SECTOR);
  driver: DriverSide;
  readonly transport: VirtioPci;

  constructor() {
    this.#memory.fill(0, GUARD, GUARD + MEMORY);
    this.driver = this.#newDriver();
    const disk = { file: 1, writable: true, bytes: this.file.length };
    const options = { disk, serial: "serial", queues: QUEUES };
    const stub = fileIn(this.driver.bytes, this.file);
    this.transport = new VirtioPci(
      new VirtioBlock(stub, 1, this.driver.memory, options),
      this.#bus,
      this.driver.memory,
      { send: () => {} },
      () => {},
      (addresses) => {
        const base = this.barAt(0);
        deepStrictEqual(addresses, addresses.length === 0 ? [] : [base + 0x3000, base + 0x3004]);
      },
    );
    this.transport.function.assignBars(BAR);
  }

  #newDriver(): DriverSide {
    const place = Deno.UnsafePointer.of(this.#memory.subarray(GUARD))!;
    return new DriverSide(16, MEMORY, place);
  }

  /** Where a BAR is said to lie. */
  barAt(index: number): number {
    return (this.transport.function.read(BAR_0 + 4 * index, 4) & -BAR_BYTES[index]!) >>> 0;
  }

  /** An access to an address, which is the device's or nobody's. */
  access(address: number, size: number, value: number | undefined): void {
    const found = this.#bus.find(address, size);
    if (!found) return;
    const offset = address - found.base!;
    if (value === undefined) ok(Number.isInteger(found.device.read(offset, size)));
    else found.device.write(offset, size, value);
  }

  /** Makes a request available, whatever is in its way. */
  request(type: number, sector: number, length: number, write: boolean): void {
    this.driver.view.setUint32(HEADER, type, true);
    this.driver.view.setBigUint64(HEADER + 8, BigInt(sector), true);
    this.driver.bytes.fill(1, DATA, DATA + length);
    const data = length > 0 ? [{ address: DATA, length, write }] : [];
    this.driver.add([
      { address: HEADER, length: 16 },
      ...data,
      { address: STATUS, length: 1, write: true },
    ]);
  }

  serve(): void {
    for (let index = 0; index < QUEUES; index++) this.transport.serve(index, 8);
  }

  /** What firmware and a new driver do to a device of which they know nothing (3.1.1). */
  start(): void {
    this.driver.bytes.fill(0);
    this.driver = this.#newDriver();
    const { driver } = this;
    const config = this.transport.function;
    config.write(BAR_0, 4, BAR | 0);
    config.write(BAR_0 + 4, 4, BAR + BAR_BYTES[0]! | 0);
    config.write(COMMAND, 2, MEMORY_AND_MASTER);
    const write = (offset: number, size: number, value: number) =>
      this.access(BAR + offset, size, value);
    write(0x14, 1, 0);
    write(0x14, 1, 3);
    for (const [select, value] of [[0, 1 << 9], [1, 1]] as const) {
      write(8, 4, select);
      write(12, 4, value);
    }
    write(0x14, 1, 11);
    write(0x16, 2, 0);
    write(0x18, 2, driver.addresses.size);
    write(0x20, 4, driver.addresses.descriptors[0]);
    write(0x28, 4, driver.addresses.driver[0]);
    write(0x30, 4, driver.addresses.device[0]);
    write(0x24, 4, 0);
    write(0x2c, 4, 0);
    write(0x34, 4, 0);
    write(0x1c, 2, 1);
    write(0x14, 1, READY);
  }

  guardsAreWhole(): boolean {
    const whole = (from: number) =>
      this.#memory.subarray(from, from + GUARD).every((byte) => byte === GUARDED);
    return whole(0) && whole(GUARD + MEMORY);
  }
}

const size = fc.constantFrom(1, 2, 4);
const value = fc.oneof(
  fc.integer(),
  fc.nat(64),
  fc.constantFrom(0x1000, 0x2000, 0x3000, 0x8000, 0xfff0, -1, BAR | 0, BAR + 0x4000 | 0, -4096),
);
const register = fc.oneof(fc.nat(0x100), fc.nat(CONFIG_BYTES - 4));
/** A chain that a disk may take for a request, and often one that it serves. */
const request = fc.record({
  type: fc.oneof(fc.constantFrom(0, 1, 1, 4, 8, 11, 13), fc.nat()),
  sector: fc.oneof(fc.nat(SECTORS - 1), fc.nat(SECTORS + 2), fc.maxSafeNat()),
  length: fc.constantFrom(0, 1, 16, 20, 512, 512, 4096),
  write: fc.boolean(),
});
const serve = fc.record({ serve: fc.constant(true) });
const steps = fc.array(
  fc.oneof(
    fc.record({ config: register, size, value, write: fc.boolean() }),
    fc.record({
      bar: fc.nat(1),
      offset: fc.oneof(fc.nat(0x3c), fc.nat(0xffc), fc.nat(0x3ffc)),
      size,
      value,
      write: fc.boolean(),
    }),
    { arbitrary: request, weight: 3 },
    fc.record({
      index: fc.nat(15),
      address: fc.oneof(fc.nat(MEMORY + 16), fc.maxSafeNat()),
      length: fc.oneof(fc.nat(MEMORY), fc.nat(2 ** 32 - 1)),
      flags: fc.constantFrom(0, FLAG.next, FLAG.write, FLAG.indirect, 0xffff),
      next: fc.nat(20),
    }),
    fc.record({ publish: fc.nat(20) }),
    { arbitrary: serve, weight: 3 },
  ),
  { size: "max", maxLength: 40 },
);

Deno.test("a guest may do anything to a disk: nothing strays, and after a reset it serves again", () => {
  let moved = 0;
  fc.assert(
    fc.property(steps, (steps) => {
      const machine = new Machine(), { file, transport } = machine;
      machine.start();
      for (const step of steps) {
        if ("config" in step) {
          const pci = transport.function;
          if (step.write) pci.write(step.config, step.size, step.value);
          else ok(Number.isInteger(pci.read(step.config, step.size)));
        } else if ("bar" in step) {
          const address = machine.barAt(step.bar) + step.offset;
          machine.access(address, step.size, step.write ? step.value : undefined);
        } else if ("type" in step) {
          machine.request(step.type, step.sector, step.length, step.write);
        } else if ("index" in step) {
          const { index, flags, next, ...buffer } = step;
          machine.driver.describe(index, buffer, flags, next);
        } else if ("publish" in step) machine.driver.publish(step.publish);
        else machine.serve();
      }
      machine.serve();
      if (file.some((byte) => byte !== 0)) moved++;
      machine.start();
      file.fill(7, SECTOR, 2 * SECTOR);
      machine.request(READ, 1, SECTOR, true);
      machine.serve();
      strictEqual(machine.driver.collect()[0]?.written, SECTOR + 1);
      ok(machine.driver.bytes.subarray(DATA, DATA + SECTOR).every((byte) => byte === 7));
      strictEqual(machine.driver.bytes[STATUS], 0);
      ok(machine.guardsAreWhole());
    }),
    { numRuns: ROUNDS },
  );
  ok(moved > 100, `${moved}`);
});
