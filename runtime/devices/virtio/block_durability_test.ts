/**
 * The device on a disk with a volatile cache, whose power is cut at any moment: the double forgets
 * every byte that no flush had reached, which the host's kernel does only when the host goes down.
 */
import { ok, strictEqual } from "node:assert";
import fc from "fast-check";
import type { Stub } from "../../../cores/stub.ts";
import { VirtioBlock } from "./block.ts";
import { DriverSide } from "./driver_side.ts";
import { Virtqueue } from "./virtqueue.ts";

const SECTOR = 512, SECTORS = 4, FLUSH_FEATURE = 1 << 9;
const OUT = 1, FLUSH = 4, WRITE_ZEROES = 13, OK = 0;
/** Requests in flight, and where the parts of each lie. */
const SLOTS = 16, HEADERS = 0x8000, HEADER_STEP = 64, DATA = 0x9000, STATUSES = 0xf000;

/** A file with a cache that is lost without a flush. */
class VolatileFile {
  readonly cache = new Uint8Array(SECTORS * SECTOR);
  readonly stable = new Uint8Array(SECTORS * SECTOR);
  failsFlush = false;
  /** What was in the cache when each flush began. */
  readonly #started: Uint8Array[] = [];

  stub(guest: Uint8Array): Stub {
    return {
      sx_file_write_segments: (_f: number, _v: number, s: Int32Array, n: number, lo: number) => {
        let at = lo;
        for (let i = 0; i < n; i++) {
          this.cache.set(guest.subarray(s[3 * i]!, s[3 * i]! + s[3 * i + 2]!), at);
          at += s[3 * i + 2]!;
        }
        return at - lo;
      },
      sx_file_zero: (_f: number, lo: number, _hi: number, length: number) => {
        this.cache.fill(0, lo, lo + length);
        return 0;
      },
      sx_file_flush_start: () => {
        this.#started.push(this.cache.slice());
        return 0;
      },
      sx_file_flush_poll: (_f: number, ticket: number) => {
        if (this.failsFlush) return -5;
        this.stable.set(this.#started[ticket - 1]!); // no more than what it has to
        return 1;
      },
    } as unknown as Stub;
  }
}

interface Request {
  readonly type: number;
  readonly sector: number;
  /** Its place in the order of requests, from 1; what a write fills its sector with. */
  readonly version: number;
  /** Of a flush: the writes that had been completed when it was sent, by sector. */
  readonly covers: readonly number[];
}

/** A driver that keeps count of what it may rely on. */
class CarefulDriver {
  readonly file = new VolatileFile();
  readonly #driver = new DriverSide(4 * SLOTS);
  readonly #queue = new Virtqueue(this.#driver.memory);
  readonly #device: VirtioBlock;
  readonly #flushes: boolean;
  readonly #inFlight = new Map<number, Request>();
  readonly #requests: Request[] = [];
  readonly #completed: number[] = Array(SECTORS).fill(0);
  /** The version of each sector that is promised to last. */
  readonly #promised: number[] = Array(SECTORS).fill(0);

  /** @param flushes whether it asks for the feature; without it each write is to last */
  constructor(flushes: boolean) {
    this.#flushes = flushes;
    this.#device = new VirtioBlock(this.file.stub(this.#driver.bytes), 1, this.#driver.memory, {
      disk: { file: 1, writable: true, bytes: SECTORS * SECTOR },
      serial: "volatile",
      queues: 1,
    });
    this.#device.start(flushes ? FLUSH_FEATURE : 0, false);
    ok(this.#queue.enable(this.#driver.addresses, false));
  }

  send(type: number, sector: number): void {
    while (this.#inFlight.size === SLOTS) this.serve(SLOTS);
    const { view, bytes } = this.#driver, version = this.#requests.length + 1;
    const slot = version % SLOTS, header = HEADERS + HEADER_STEP * slot;
    const data = DATA + SECTOR * slot, status = STATUSES + slot;
    view.setUint32(header, type, true);
    view.setBigUint64(header + 8, BigInt(type === OUT ? sector : 0), true);
    bytes.fill(version, data, data + SECTOR);
    if (type === WRITE_ZEROES) {
      view.setBigUint64(data, BigInt(sector), true);
      view.setBigUint64(data + 8, 1n, true);
    }
    const length = type === OUT ? SECTOR : type === WRITE_ZEROES ? 16 : 0;
    const head = this.#driver.add([
      { address: header, length: 16 },
      ...(length > 0 ? [{ address: data, length }] : []),
      { address: status, length: 1, write: true },
    ]);
    const request = { type, sector, version, covers: [...this.#completed] };
    this.#requests.push(request);
    this.#inFlight.set(head, request);
  }

  serve(most: number): void {
    this.#device.serve(0, this.#queue, most);
    this.#device.serve(0, this.#queue, 0); // gives back what waited for a flush
    for (const { head } of this.#driver.collect()) {
      const request = this.#inFlight.get(head)!;
      this.#inFlight.delete(head);
      if (this.#driver.bytes[STATUSES + request.version % SLOTS] !== OK) continue;
      if (request.type !== FLUSH) {
        this.#completed[request.sector] = request.version;
        if (!this.#flushes) this.#promised[request.sector] = request.version;
      } else {
        request.covers.forEach((version, i) => {
          this.#promised[i] = Math.max(this.#promised[i]!, version);
        });
      }
    }
  }

  /** The power is gone: every sector holds its promised version, or one that came after it. */
  check(): void {
    for (let sector = 0; sector < SECTORS; sector++) {
      const promised = this.#promised[sector]!;
      const allowed = this.#requests
        .filter((one) => one.sector === sector && one.version >= promised && one.type !== FLUSH)
        .map((one) => one.type === OUT ? one.version : 0);
      if (promised === 0) allowed.push(0);
      const held = this.file.stable.subarray(sector * SECTOR, (sector + 1) * SECTOR);
      ok(allowed.includes(held[0]!), `sector ${sector} holds ${held[0]}, not one of ${allowed}`);
      ok(held.every((byte) => byte === held[0]), `sector ${sector} is torn`);
    }
  }
}

const step = fc.record({
  type: fc.constantFrom(OUT, OUT, FLUSH, WRITE_ZEROES),
  sector: fc.nat(SECTORS - 1),
  serve: fc.nat(4),
  failsFlush: fc.integer({ min: 0, max: 9 }).map((die) => die === 0),
});

for (const flushes of [true, false]) {
  const kind = flushes ? "flushes" : "does not know of flushes";
  Deno.test(`a driver that ${kind} finds what it was promised after any power cut`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const driver = new CarefulDriver(flushes);
        for (const { type, sector, serve, failsFlush } of steps) {
          driver.file.failsFlush = failsFlush;
          driver.send(type, sector);
          driver.serve(serve);
          driver.check();
        }
      }),
      { numRuns: 500 },
    );
  });
}

Deno.test("the double forgets what no flush had reached", () => {
  const driver = new CarefulDriver(true);
  driver.send(OUT, 1);
  driver.serve(1);
  strictEqual(driver.file.cache[SECTOR], 1);
  strictEqual(driver.file.stable[SECTOR], 0);
});
