import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import type { Stub } from "../../../cores/stub.ts";
import { VirtioBlock } from "./block.ts";
import { type Buffer, DriverSide } from "./driver_side.ts";
import { Virtqueue } from "./virtqueue.ts";

const SECTOR = 512, SECTORS = 16;
const HEADER = 0x8000, DATA = 0x9000, STATUS = 0xf000, MEMORY = 65536;
const IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13;
const UNMAP = 1, EOPNOTSUPP = -95;
const OK = 0, IO_ERROR = 1, UNSUPPORTED = 2;

/** The stub's file calls on an array; `fails` makes them fail, `holds` cuts the file. */
class FileInMemory {
  readonly bytes = new Uint8Array(SECTORS * SECTOR);
  fails = false;
  holds = this.bytes.length;
  flushes = 0;
  /** Flushes that the host has finished: all at once unless a test says otherwise. */
  flushed = Infinity;
  /** The file system cannot take space back. */
  keepsSpace = false;
  /** Offset and length of what was punched. */
  readonly punched: number[][] = [];

  stub(guest: Uint8Array): Stub {
    const move = (segments: Int32Array, count: number, offset: number, write: boolean) => {
      if (this.fails) return -5;
      let moved = 0;
      for (let i = 0; i < count; i++) {
        const address = segments[3 * i]!, at = offset + moved;
        const length = Math.min(segments[3 * i + 2]!, Math.max(0, this.holds - at));
        if (write) this.bytes.set(guest.subarray(address, address + length), at);
        else guest.set(this.bytes.subarray(at, at + length), address);
        moved += length;
      }
      return moved;
    };
    return {
      sx_file_read_segments: (_f: number, _v: number, s: Int32Array, n: number, lo: number) =>
        move(s, n, lo, false),
      sx_file_write_segments: (_f: number, _v: number, s: Int32Array, n: number, lo: number) =>
        move(s, n, lo, true),
      sx_file_zero: (_f: number, lo: number, _hi: number, length: number, punch: number) => {
        if (punch !== 0 && this.keepsSpace) return EOPNOTSUPP;
        if (this.fails) return -5;
        if (punch !== 0) this.punched.push([lo, length]);
        this.bytes.fill(0, lo, lo + length);
        return 0;
      },
      sx_file_flush_start: () => {
        this.flushes++;
        return 0;
      },
      sx_file_flush_poll: (_f: number, ticket: number) => {
        if (ticket > this.flushed) return 0;
        return this.fails ? -5 : 1;
      },
    } as unknown as Stub;
  }
}

function deviceOf(writable = true) {
  const driver = new DriverSide(16, MEMORY), file = new FileInMemory();
  const disk = { file: 1, writable, bytes: file.bytes.length };
  const device = new VirtioBlock(file.stub(driver.bytes), 1, driver.memory, {
    disk,
    serial: "serial",
    queues: 1,
  });
  const queue = new Virtqueue(driver.memory);
  ok(queue.enable(driver.addresses, false));
  /** Sends a request: its status and how many bytes the device says it wrote. */
  const request = (type: number, sector: number, data: readonly Buffer[]) => {
    driver.view.setUint32(HEADER, type, true);
    driver.view.setBigUint64(HEADER + 8, BigInt(sector), true);
    driver.bytes[STATUS] = 0xff;
    driver.add([
      { address: HEADER, length: 16 },
      ...data,
      { address: STATUS, length: 1, write: true },
    ]);
    strictEqual(device.serve(0, queue, 8), 1);
    strictEqual(device.serve(0, queue, 8), 0); // gives back what was outstanding
    const { written } = driver.collect()[0]!;
    return { status: driver.bytes[STATUS], written };
  };
  return { driver, file, device, queue, request };
}

const into = (length: number, address = DATA): Buffer => ({ address, length, write: true });
const from = (length: number, address = DATA): Buffer => ({ address, length });

Deno.test("VirtioBlock tells capacity, block size and whether it may be written", () => {
  const { device } = deviceOf();
  strictEqual(device.config.read(0, 4), SECTORS);
  strictEqual(device.config.read(4, 4), 0);
  strictEqual(device.config.read(20, 4), SECTOR);
  strictEqual(SECTOR << device.config.read(24, 1), 4096);
  strictEqual(device.features & 1 << 5, 0);
  strictEqual(deviceOf(false).device.features & 1 << 5, 1 << 5);
});

Deno.test("what is written can be read, in whatever pieces", () => {
  const { driver, file, request } = deviceOf();
  for (let i = 0; i < 2 * SECTOR; i++) driver.bytes[DATA + i] = i * 7;
  deepStrictEqual(request(OUT, 3, [from(100), from(2 * SECTOR - 100, DATA + 100)]), {
    status: OK,
    written: 1,
  });
  deepStrictEqual(
    file.bytes.slice(3 * SECTOR, 5 * SECTOR),
    driver.bytes.slice(DATA, DATA + 2 * SECTOR),
  );
  const to = DATA + 0x2000;
  deepStrictEqual(request(IN, 3, [into(1, to), into(2 * SECTOR - 1, to + 1)]), {
    status: OK,
    written: 2 * SECTOR + 1,
  });
  deepStrictEqual(
    driver.bytes.slice(to, to + 2 * SECTOR),
    driver.bytes.slice(DATA, DATA + 2 * SECTOR),
  );
});

Deno.test("a request is one wherever its descriptors are cut", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 6 }),
    fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 6 }),
    fc.boolean(),
    (readCuts, writeCuts, write) => {
      const { driver, file, device, queue } = deviceOf();
      const cut = (start: number, total: number, cuts: number[], write: boolean) => {
        const buffers: Buffer[] = [];
        let at = 0;
        for (const length of [...cuts, total]) {
          const part = Math.min(length, total - at);
          if (part > 0) buffers.push({ address: start + at, length: part, write });
          at += part;
        }
        return buffers;
      };
      // The header, and the status behind the data, lie next to the data in memory.
      const header = DATA - 16, data = write ? 16 + SECTOR : 16;
      driver.view.setUint32(header, write ? OUT : IN, true);
      driver.view.setBigUint64(header + 8, 2n, true);
      file.bytes.fill(9, 2 * SECTOR, 3 * SECTOR);
      driver.bytes.fill(5, DATA, DATA + SECTOR);
      const to = 0xc000, answer = write ? 1 : SECTOR + 1;
      driver.add([...cut(header, data, readCuts, false), ...cut(to, answer, writeCuts, true)]);
      strictEqual(device.serve(0, queue, 8), 1);
      strictEqual(driver.bytes[to + answer - 1], OK);
      if (write) strictEqual(file.bytes[2 * SECTOR + 511], 5);
      else strictEqual(driver.bytes[to + SECTOR - 1], 9);
      strictEqual(driver.collect()[0]!.written, answer);
    },
  ));
});

Deno.test("a request outside the disk, of part of a sector, or that the host fails, is an error", () => {
  const { file, request } = deviceOf();
  const error = { status: IO_ERROR, written: 1 };
  deepStrictEqual(request(IN, SECTORS, [into(SECTOR)]), error);
  deepStrictEqual(request(IN, SECTORS - 1, [into(2 * SECTOR)]), error);
  deepStrictEqual(request(IN, 2 ** 52, [into(SECTOR)]), error);
  deepStrictEqual(request(OUT, 0, [from(SECTOR - 1)]), error);
  file.holds = 100; // the file shrank
  deepStrictEqual(request(IN, 0, [into(SECTOR)]), error);
  file.fails = true;
  deepStrictEqual(request(IN, 0, [into(SECTOR)]), error);
  deepStrictEqual(request(OUT, 0, [from(SECTOR)]), error);
  deepStrictEqual(request(FLUSH, 0, []), error);
});

Deno.test("a read-only disk takes no write and has nothing to flush", () => {
  const { file, request } = deviceOf(false);
  deepStrictEqual(request(OUT, 0, [from(SECTOR)]), { status: IO_ERROR, written: 1 });
  deepStrictEqual(request(FLUSH, 0, []), { status: OK, written: 1 });
  strictEqual(file.flushes, 0);
});

/** A flush and then a read are available; the host has not finished the flush. */
function flushThenRead(inOrder: boolean) {
  const made = deviceOf(), { driver, file, device } = made;
  device.start(1 << 9, inOrder);
  file.flushed = 0;
  driver.view.setUint32(HEADER, FLUSH, true);
  driver.view.setUint32(HEADER + 16, IN, true);
  driver.view.setBigUint64(HEADER + 24, 0n, true);
  driver.bytes.fill(0xff, STATUS, STATUS + 2);
  const flush = driver.add([
    { address: HEADER, length: 16 },
    { address: STATUS, length: 1, write: true },
  ]);
  const read = driver.add([
    { address: HEADER + 16, length: 16 },
    into(SECTOR),
    { address: STATUS + 1, length: 1, write: true },
  ]);
  return { ...made, flush, read };
}

Deno.test("a flush is answered once the host has finished it, and others go on meanwhile", () => {
  const { driver, file, device, queue, flush, read } = flushThenRead(false);
  strictEqual(device.serve(0, queue, 8), 2);
  deepStrictEqual(driver.collect().map(({ head }) => head), [read]);
  strictEqual(device.outstanding, 1);
  strictEqual(driver.bytes[STATUS], 0xff);
  file.flushed = 1;
  strictEqual(device.serve(0, queue, 8), 0);
  deepStrictEqual(driver.collect(), [{ head: flush, written: 1 }]);
  strictEqual(driver.bytes[STATUS], OK);
  strictEqual(device.outstanding, 0);
});

Deno.test("with IN_ORDER nothing overtakes a flush", () => {
  const { driver, file, device, queue, flush, read } = flushThenRead(true);
  strictEqual(device.serve(0, queue, 8), 1);
  strictEqual(device.serve(0, queue, 8), 0);
  deepStrictEqual(driver.collect(), []);
  file.flushed = 1;
  strictEqual(device.serve(0, queue, 8), 1);
  deepStrictEqual(driver.collect().map(({ head }) => head), [flush, read]);
});

Deno.test("a reset forgets the flushes that wait", () => {
  const { driver, file, device, queue } = flushThenRead(false);
  device.serve(0, queue, 8);
  device.reset();
  strictEqual(device.outstanding, 0);
  file.flushed = 1;
  driver.collect();
  strictEqual(device.serve(0, queue, 8), 0);
  deepStrictEqual(driver.collect(), []);
});

Deno.test("GET_ID gives the serial number, and an unknown request is unsupported", () => {
  const { driver, request } = deviceOf();
  deepStrictEqual(request(GET_ID, 0, [into(20)]), { status: OK, written: 21 });
  strictEqual(new TextDecoder().decode(driver.bytes.slice(DATA, DATA + 7)), "serial\0");
  deepStrictEqual(request(77, 0, [into(SECTOR)]), { status: UNSUPPORTED, written: 1 });
});

Deno.test("a chain without room for a status is given back, one without header is an error", () => {
  const { driver, device, queue } = deviceOf();
  driver.add([{ address: HEADER, length: 16 }]);
  driver.add([{ address: HEADER, length: 15 }, { address: STATUS, length: 1, write: true }]);
  driver.add([{ address: STATUS + 1, length: 1, write: true }]);
  strictEqual(device.serve(0, queue, 8), 3);
  deepStrictEqual(driver.collect().map(({ written }) => written), [0, 1, 1]);
  strictEqual(driver.bytes[STATUS], IO_ERROR);
  strictEqual(driver.bytes[STATUS + 1], IO_ERROR);
});

Deno.test("a driver that does not ask for flushes gets each write flushed", () => {
  const machine = deviceOf(), { file, device, request } = machine;
  device.start(0, false);
  request(OUT, 0, [from(SECTOR)]);
  strictEqual(file.flushes, 1);
  rangesOf(machine, WRITE_ZEROES, [[0, 1, 0]]);
  strictEqual(file.flushes, 2);
  request(IN, 0, [into(SECTOR)]);
  request(OUT, SECTORS, [from(SECTOR)]); // refused
  strictEqual(file.flushes, 2);
  device.start(device.features, false);
  strictEqual(request(OUT, 0, [from(SECTOR)]).status, OK);
  strictEqual(file.flushes, 2);
});

type Range = readonly [sector: number, sectors: number, flags: number];
type Machine = ReturnType<typeof deviceOf>;

/** Sends ranges in a request, cut anywhere: its status. */
function rangesOf({ driver, request }: Machine, type: number, ranges: readonly Range[], cut = 7) {
  ranges.forEach(([sector, sectors, flags], i) => {
    driver.view.setBigUint64(DATA + 16 * i, BigInt(sector), true);
    driver.view.setUint32(DATA + 16 * i + 8, sectors, true);
    driver.view.setUint32(DATA + 16 * i + 12, flags, true);
  });
  const bytes = 16 * ranges.length;
  return request(type, 0, [from(cut), from(bytes - cut, DATA + cut)]).status;
}

Deno.test("WRITE_ZEROES makes its ranges zero and nothing else, and gives space back when it may", () => {
  const machine = deviceOf(), { file } = machine;
  file.bytes.fill(9);
  strictEqual(rangesOf(machine, WRITE_ZEROES, [[1, 2, 0], [5, 1, UNMAP], [7, 0, 0]]), OK);
  const zeros = Array.from({ length: SECTORS }, (_, i) => file.bytes[i * SECTOR + 100] === 0);
  deepStrictEqual(zeros.flatMap((zero, i) => zero ? [i] : []), [1, 2, 5]);
  deepStrictEqual(file.punched, [[5 * SECTOR, SECTOR]]);
});

Deno.test("WRITE_ZEROES writes zeros where the file system cannot take space back", () => {
  const machine = deviceOf(), { file } = machine;
  file.bytes.fill(9);
  file.keepsSpace = true;
  strictEqual(rangesOf(machine, WRITE_ZEROES, [[3, 1, UNMAP]]), OK);
  strictEqual(file.bytes[3 * SECTOR], 0);
});

Deno.test("DISCARD gives space back, and is done where that cannot be", () => {
  const machine = deviceOf(), { file } = machine;
  strictEqual(rangesOf(machine, DISCARD, [[2, 3, 0], [8, 8, 0]]), OK);
  deepStrictEqual(file.punched, [[2 * SECTOR, 3 * SECTOR], [8 * SECTOR, 8 * SECTOR]]);
  file.keepsSpace = true;
  strictEqual(rangesOf(machine, DISCARD, [[0, 1, 0]]), OK);
  file.keepsSpace = false;
  file.fails = true;
  strictEqual(rangesOf(machine, DISCARD, [[0, 1, 0]]), IO_ERROR);
});

/** Ranges behind a good one, of which nothing may be served, and the answer to each type. */
const WRONG_RANGES: readonly (readonly [string, Range, discard: number, zeroes: number])[] = [
  ["that ends behind the disk", [SECTORS - 1, 2, 0], IO_ERROR, IO_ERROR],
  ["that begins behind the disk", [SECTORS + 1, 0, 0], IO_ERROR, IO_ERROR],
  ["far away", [2 ** 53, 1, 0], IO_ERROR, IO_ERROR],
  ["that is too long", [0, 2 ** 32 - 1, 0], IO_ERROR, IO_ERROR],
  ["with a flag that nobody knows", [0, 1, 2], UNSUPPORTED, UNSUPPORTED],
];

for (const [what, range, discard, zeroes] of WRONG_RANGES) {
  Deno.test(`a request with a range ${what} is refused whole`, () => {
    const machine = deviceOf(), { file } = machine;
    file.bytes.fill(9);
    strictEqual(rangesOf(machine, DISCARD, [[0, 1, 0], range]), discard);
    strictEqual(rangesOf(machine, WRITE_ZEROES, [[0, 1, 0], range]), zeroes);
    ok(file.bytes.every((byte) => byte === 9));
  });
}

Deno.test("ranges that are cut, too many or none are refused, and unmap is none of DISCARD's", () => {
  const machine = deviceOf(), { request, file } = machine;
  file.bytes.fill(9);
  for (const type of [DISCARD, WRITE_ZEROES]) {
    strictEqual(request(type, 0, [from(24)]).status, IO_ERROR);
    strictEqual(request(type, 0, []).status, IO_ERROR);
    const many = machine.device.config.read(40, 4) + 1;
    strictEqual(rangesOf(machine, type, Array(many).fill([0, 1, 0])), IO_ERROR);
  }
  strictEqual(rangesOf(machine, DISCARD, [[0, 1, UNMAP]]), UNSUPPORTED);
  ok(file.bytes.every((byte) => byte === 9));
});

Deno.test("a read-only disk neither offers nor serves DISCARD and WRITE_ZEROES", () => {
  const machine = deviceOf(false), { file } = machine;
  file.bytes.fill(9);
  strictEqual(machine.device.features & (1 << 13 | 1 << 14), 0);
  strictEqual(deviceOf().device.features >> 13 & 3, 3);
  for (const type of [DISCARD, WRITE_ZEROES]) {
    strictEqual(rangesOf(machine, type, [[0, 1, 0]]), IO_ERROR);
  }
  ok(file.bytes.every((byte) => byte === 9));
});
