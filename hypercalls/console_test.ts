import { deepStrictEqual, strictEqual } from "node:assert";
import { EFAULT, EINVAL, OK } from "../cores/abi.ts";
import { GuestMemory } from "../cores/guest_memory.ts";
import { DONE, REPLY_WORDS, RETRY, STATUS, VALUE_LO } from "../cores/outcome.ts";
import { ConsoleService } from "./console.ts";
import {
  CONSOLE_BYTES,
  ConsoleReader,
  ConsoleWriter,
  createConsoleBuffer,
} from "./console_ring.ts";

const bytes = Uint8Array.from({ length: CONSOLE_BYTES + 4096 }, (_, i) => i % 251);

class Bench {
  readonly #buffer = createConsoleBuffer();
  readonly output = new ConsoleReader(this.#buffer);
  readonly service = new ConsoleService(
    new GuestMemory(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)), bytes.length),
    new ConsoleWriter(this.#buffer),
  );
  readonly #reply = new Int32Array(REPLY_WORDS).fill(-1);

  /** @returns outcome, and behind it status and value when it is done */
  write(lo: number, hi: number, length: number): number[] {
    const outcome = this.service.write(lo, hi, length, this.#reply);
    return outcome === DONE ? [DONE, this.#reply[STATUS]!, this.#reply[VALUE_LO]!] : [outcome];
  }

  put(byte: number): number {
    return this.service.put(byte, this.#reply);
  }
}

Deno.test("write() and put() send bytes in order", () => {
  const bench = new Bench();
  strictEqual(bench.put(0x1ff), DONE);
  deepStrictEqual(bench.write(10, 0, 3), [DONE, OK, 3]);
  deepStrictEqual(bench.write(bytes.length, 0, 0), [DONE, OK, 0]);
  deepStrictEqual(bench.output.take(), Uint8Array.of(0xff, 10, 11, 12));
});

Deno.test("write() and put() wait for room and write all or nothing", () => {
  const bench = new Bench();
  deepStrictEqual(bench.write(0, 0, CONSOLE_BYTES - 1), [DONE, OK, CONSOLE_BYTES - 1]);
  deepStrictEqual(bench.write(0, 0, 2), [RETRY]);
  strictEqual(bench.put(7), DONE);
  strictEqual(bench.put(8), RETRY);
  const sent = bench.output.take();
  strictEqual(sent.length, CONSOLE_BYTES);
  strictEqual(sent.at(-1), 7);
  deepStrictEqual(bench.write(0, 0, 2), [DONE, OK, 2]);
  deepStrictEqual(bench.output.take(), Uint8Array.of(0, 1));
});

Deno.test("write() refuses a wild length or address, and sends nothing", () => {
  const bench = new Bench();
  for (const length of [-1, CONSOLE_BYTES + 1, 2 ** 31 - 1, -(2 ** 31)]) {
    deepStrictEqual(bench.write(0, 0, length), [DONE, EINVAL, 0]);
  }
  for (const [lo, hi] of [[bytes.length - 3, 0], [-1, 0], [0, 1], [0, -1]] as const) {
    deepStrictEqual(bench.write(lo, hi, 4), [DONE, EFAULT, 0]);
  }
  strictEqual(bench.output.take().length, 0);
});
