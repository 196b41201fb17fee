import { deepStrictEqual, strictEqual } from "node:assert";
import { join } from "node:path";
import { buildStub } from "../build/stub.ts";
import {
  CALL_MAX_BYTES,
  EFAULT,
  EINVAL,
  ENGINE_KVM,
  ENGINE_SOFT,
  ENOSPC,
  ENXIO,
  EROFS,
  OK,
} from "../cores/abi.ts";
import { GuestMemory } from "../cores/guest_memory.ts";
import { DONE, REPLY_WORDS, STATUS, VALUE_HI, VALUE_LO } from "../cores/outcome.ts";
import { addressOf, check, openStub } from "../cores/stub.ts";
import { BlockService, type Disk } from "./block.ts";

const PAGE = 4096;
const MEMORY = 2 * 1024 ** 2;
/** Of the file behind the disk: not a multiple of anything. */
const DISK = 3 * PAGE + 100;

const stub = openStub(await buildStub(() => {}));

/** What has machines here: nothing runs in them. */
const engine = [ENGINE_SOFT, ENGINE_KVM].find((one) => {
  const vm = stub.sx_vm_create(one, 1);
  return vm > 0 && stub.sx_vm_destroy(vm) === 0;
});

/** A machine of the stub, a disk, and the service between them. */
class Bench implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "splitx-block-" });
  readonly path = join(this.folder, "disk");
  readonly content = Uint8Array.from({ length: DISK }, (_, i) => i % 251);
  readonly vm = check(stub, stub.sx_vm_create(engine!, MEMORY / PAGE));
  readonly memory = new GuestMemory(addressOf(stub.sx_vm_memory(this.vm)), MEMORY);
  readonly disk: Disk;
  readonly service: BlockService;
  readonly #reply = new Int32Array(REPLY_WORDS).fill(-1);

  constructor(writable: boolean) {
    Deno.writeFileSync(this.path, this.content);
    const name = new TextEncoder().encode(`${this.path}\0`);
    const file = check(stub, stub.sx_file_open(name, name.length, writable ? 1 : 0));
    this.disk = { file, writable, bytes: stub.sx_file_size(file) };
    this.service = new BlockService(stub, this.vm, this.memory, this.disk);
  }

  /** @returns status and value */
  read(offset: number, address: number, length: number): number[] {
    const [lo, hi] = [offset | 0, Math.floor(offset / 2 ** 32)];
    return this.answer((reply) => this.service.read(lo, hi, address, 0, length, reply));
  }

  write(offset: number, address: number, length: number): number[] {
    const [lo, hi] = [offset | 0, Math.floor(offset / 2 ** 32)];
    return this.answer((reply) => this.service.write(lo, hi, address, 0, length, reply));
  }

  answer(call: (reply: Int32Array) => number): number[] {
    strictEqual(call(this.#reply), DONE);
    return [this.#reply[STATUS]!, this.#reply[VALUE_LO]!, this.#reply[VALUE_HI]!];
  }

  /** Guest memory. */
  bytesAt(address: number, length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, i) => this.memory.byte(address + i));
  }

  get file(): Uint8Array {
    return Deno.readFileSync(this.path);
  }

  [Symbol.dispose](): void {
    stub.sx_file_close(this.disk.file);
    stub.sx_vm_destroy(this.vm);
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function blockTest(name: string, writable: boolean, run: (bench: Bench) => void): void {
  Deno.test({
    name: engine === undefined ? `${name} [skipped: no engine makes a machine]` : name,
    ignore: engine === undefined,
    fn() {
      using bench = new Bench(writable);
      run(bench);
    },
  });
}

blockTest("size() answers the bytes of the file", false, (bench) => {
  deepStrictEqual(bench.answer((reply) => bench.service.size(reply)), [OK, DISK, 0]);
  const large = { ...bench.disk, bytes: 5 * 2 ** 32 + 2 ** 31 + 7 };
  const service = new BlockService(stub, bench.vm, bench.memory, large);
  deepStrictEqual(bench.answer((reply) => service.size(reply)), [OK, 7 - 2 ** 31, 5]);
});

blockTest("read() moves bytes of the file into guest memory", false, (bench) => {
  deepStrictEqual(bench.read(10, 0x1000, 5000), [OK, 5000, 0]);
  deepStrictEqual(bench.bytesAt(0x1000, 5000), bench.content.slice(10, 5010));
  deepStrictEqual(bench.bytesAt(0x1000 + 5000, 8), new Uint8Array(8));
  deepStrictEqual(bench.read(0, 0x1000, 0), [OK, 0, 0]);
});

blockTest("read() is short at the end of the file", false, (bench) => {
  deepStrictEqual(bench.read(3 * PAGE, 0, PAGE), [OK, 100, 0]);
  deepStrictEqual(bench.bytesAt(0, 100), bench.content.slice(3 * PAGE));
  deepStrictEqual(bench.read(DISK, 0, PAGE), [OK, 0, 0]);
  deepStrictEqual(bench.read(2 ** 32, 0, PAGE), [OK, 0, 0]);
});

blockTest("read() is short when the file shrinks under the guest", false, (bench) => {
  Deno.truncateSync(bench.path, 50);
  deepStrictEqual(bench.read(0, 0, PAGE), [OK, 50, 0]);
  deepStrictEqual(bench.read(PAGE, 0, PAGE), [OK, 0, 0]);
});

blockTest("write() moves bytes of guest memory into the file", true, (bench) => {
  bench.memory.write(0x3000, Uint8Array.of(1, 2, 3, 4));
  deepStrictEqual(bench.write(DISK - 4, 0x3000, 4), [OK, 4, 0]);
  const expected = bench.content.slice();
  expected.set([1, 2, 3, 4], DISK - 4);
  deepStrictEqual(bench.file, expected);
});

blockTest("read() and write() reach every offset of a large file", true, (bench) => {
  for (const offset of [2 ** 31 - 2, 2 ** 31, 2 ** 32 - 1, 2 ** 32 + 2 ** 31, 2 ** 33 + 5]) {
    Deno.truncateSync(bench.path, offset + 4);
    const disk = { ...bench.disk, bytes: offset + 4 };
    const service = new BlockService(stub, bench.vm, bench.memory, disk);
    const [lo, hi] = [offset | 0, Math.floor(offset / 2 ** 32)];
    bench.memory.write(0, Uint8Array.of(1, 2, 3, 4));
    const write = bench.answer((reply) => service.write(lo, hi, 0, 0, 4, reply));
    const read = bench.answer((reply) => service.read(lo, hi, 64, 0, 99, reply));
    deepStrictEqual([write, read], [[OK, 4, 0], [OK, 4, 0]]);
    deepStrictEqual(bench.bytesAt(64, 5), Uint8Array.of(1, 2, 3, 4, 0));
  }
});

blockTest("write() refuses a read-only disk", false, (bench) => {
  deepStrictEqual(bench.write(0, 0, 1), [EROFS, 0, 0]);
  deepStrictEqual(bench.file, bench.content);
});

blockTest("write() never makes the disk larger", true, (bench) => {
  for (const [offset, length] of [[DISK - 3, 4], [DISK, 1], [2 ** 32, 1]] as const) {
    deepStrictEqual(bench.write(offset, 0, length), [ENOSPC, 0, 0]);
  }
  deepStrictEqual(bench.file, bench.content);
});

blockTest("read() and write() refuse what is not all in guest memory", true, (bench) => {
  for (const [lo, hi, length] of [[MEMORY - 3, 0, 4], [MEMORY, 0, 1], [-1, 0, 2], [0, 1, 1]]) {
    const { service } = bench;
    const read = bench.answer((reply) => service.read(0, 0, lo!, hi!, length!, reply));
    const write = bench.answer((reply) => service.write(0, 0, lo!, hi!, length!, reply));
    deepStrictEqual(read, [EFAULT, 0, 0]);
    deepStrictEqual(write, [EFAULT, 0, 0]);
  }
  deepStrictEqual(bench.read(0, MEMORY - 4, 4), [OK, 4, 0]);
});

blockTest("read() and write() refuse a wild length or offset", true, (bench) => {
  for (const [offset, length] of [[0, CALL_MAX_BYTES + 1], [0, -1], [-(2 ** 32), 1]] as const) {
    deepStrictEqual(bench.read(offset, 0, length), [EINVAL, 0, 0]);
    deepStrictEqual(bench.write(offset, 0, length), [EINVAL, 0, 0]);
  }
  deepStrictEqual(bench.read(0, 0, CALL_MAX_BYTES), [OK, DISK, 0]);
});

for (const writable of [true, false]) {
  const kind = writable ? "writable" : "read-only";
  blockTest(`flush() succeeds on a ${kind} disk`, writable, (bench) => {
    deepStrictEqual(bench.answer((reply) => bench.service.flush(reply)), [OK, 0, 0]);
  });
}

blockTest("every call fails on a machine without disk", true, (bench) => {
  const service = new BlockService(stub, bench.vm, bench.memory, null);
  for (
    const call of [
      (reply: Int32Array) => service.size(reply),
      (reply: Int32Array) => service.read(0, 0, 0, 0, 1, reply),
      (reply: Int32Array) => service.write(0, 0, 0, 0, 1, reply),
      (reply: Int32Array) => service.flush(reply),
    ]
  ) deepStrictEqual(bench.answer(call), [ENXIO, 0, 0]);
});
