/** The stub checks what it is given: an error, never a crash. */
import { ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { buildStub } from "../../build/stub.ts";
import { ENGINE_NUMBER } from "../../cores/engine.ts";
import { GuestMemory } from "../../cores/guest_memory.ts";
import { addressOf, check, openStub, type Stub, SYMBOLS } from "../../cores/stub.ts";
import { ENGINE, engineTest, TempFile } from "../support.ts";

const stub = openStub(await buildStub(() => {}));

/** Calls that wait, or change this process, when their arguments are good. */
const LEFT_OUT = new Set(["sx_thread_pin", "sx_core_park"]);
const SLOW = new Set(["sx_probe_engine", "sx_tsc_khz"]);
type Name = keyof Stub;

function call(name: Name, args: readonly unknown[]): unknown {
  return (stub[name] as (...args: readonly unknown[]) => unknown)(...args);
}

/** Undoes what succeeded by chance. */
function undo(name: Name, result: unknown): void {
  if (typeof result !== "number" || result <= 0) return;
  if (name === "sx_vm_create") strictEqual(stub.sx_vm_destroy(result), 0);
  if (name === "sx_tap_open") strictEqual(stub.sx_tap_close(result), 0);
  if (name === "sx_stream_connect") strictEqual(stub.sx_stream_close(result), 0);
  if (name === "sx_core_create") strictEqual(stub.sx_core_destroy(result), 0);
}

const buffer = fc.oneof(
  fc.constant(null),
  fc.uint8Array({ minLength: 0, maxLength: 128 }),
);
const number = fc.oneof(
  fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 256, 4096),
  fc.integer(),
);

/** Arguments of a call: a size that follows a buffer never lies about it, all else is random. */
function argumentsOf(name: Name): fc.Arbitrary<unknown[]> {
  const { parameters } = SYMBOLS[name];
  return fc.tuple(...parameters.map((type) => type === "buffer" ? buffer : number)).map((args) =>
    args.map((value, i) => {
      const before = args[i - 1];
      if ((parameters as readonly string[])[i - 1] === "buffer") {
        const bytes = before instanceof Uint8Array ? before.length : 0;
        if (name === "sx_vcpu_set_cpuid") return Math.floor(bytes / 40);
        if (name === "sx_vm_route") return Math.floor(bytes / 16);
        const segments = /_segments$|^sx_(tap|stream)_(send|receive)$/.test(name);
        return segments ? Math.floor(bytes / 12) : bytes;
      }
      return (parameters as readonly string[])[i] === "u32" ? (value as number) >>> 0 : value;
    })
  );
}

Deno.test("sx_vm_create() refuses an engine that is not there", () => {
  for (const engine of [2, 3, 2 ** 31, 2 ** 32 - 1]) strictEqual(stub.sx_vm_create(engine, 1), -22);
});

for (const name of Object.keys(SYMBOLS) as Name[]) {
  if (LEFT_OUT.has(name)) continue;
  Deno.test(`${name}() survives any argument`, () => {
    fc.assert(
      fc.property(argumentsOf(name), (args) => {
        const result = call(name, args);
        undo(name, result);
        return true;
      }),
      { numRuns: SLOW.has(name) || SYMBOLS[name].parameters.length === 0 ? 3 : 300 },
    );
  });
}

Deno.test("sx_thread_pin() refuses no mask, an absurd mask and a thread that is not there", () => {
  const mask = new Uint8Array(128);
  ok(stub.sx_thread_pin(0, null, 128) < 0);
  ok(stub.sx_thread_pin(0, mask, 0) < 0);
  ok(stub.sx_thread_pin(0, mask, 4096) < 0);
  ok(stub.sx_thread_pin(0, mask, 128) < 0); // an empty set of CPUs
  ok(stub.sx_thread_pin(-1, mask, 128) < 0);
  ok(stub.sx_thread_pin(2 ** 30, mask.fill(255), 128) < 0);
});

Deno.test("sx_core_park() refuses a core that is not there", () => {
  ok(stub.sx_core_park(0, 1) < 0);
  ok(stub.sx_core_park(-5, 1) < 0);
});

Deno.test("a handle is refused once it has been given back", () => {
  const core = check(stub, stub.sx_core_create());
  strictEqual(stub.sx_core_wake(core), 0);
  strictEqual(stub.sx_core_destroy(core), 0);
  ok(stub.sx_core_wake(core) < 0);
  ok(stub.sx_core_destroy(core) < 0);
  const next = check(stub, stub.sx_core_create());
  ok(next !== core); // the slot is used again, the handle is not
  strictEqual(stub.sx_core_destroy(next), 0);
});

Deno.test("check() names the call that failed", () => {
  let message = "";
  try {
    check(stub, stub.sx_vm_destroy(0));
  } catch (error) {
    message = (error as Error).message;
  }
  strictEqual(message, "sx_vm_destroy: Bad file descriptor");
});

engineTest(
  "a file transfer reaches both ranges of memory and nothing between or beyond",
  () => {
    const GIB = 2 ** 30;
    using file = new TempFile(Uint8Array.of(1, 2, 3, 4));
    const path = new TextEncoder().encode(`${file.path}\0`);
    const disk = check(stub, stub.sx_file_open(path, path.length, 0));
    const vm = check(stub, stub.sx_vm_create(ENGINE_NUMBER[ENGINE], 5 * GIB / 4096));
    const memory = new GuestMemory(addressOf(stub.sx_vm_memory(vm)), 5 * GIB);
    const read = (address: number, length: number) =>
      stub.sx_file_read(disk, vm, address | 0, Math.floor(address / 2 ** 32), length, 0, 0);
    for (const address of [0, 3 * GIB - 4, 4 * GIB, 6 * GIB - 4]) {
      strictEqual(read(address, 4), 4);
      strictEqual(memory.byte(address + 3), 4, `${address}`);
    }
    for (const address of [3 * GIB - 3, 3 * GIB, 4 * GIB - 1, 6 * GIB - 3, 7 * GIB]) {
      ok(read(address, 4) < 0, `${address}`);
    }
    stub.sx_file_close(disk);
    strictEqual(stub.sx_vm_destroy(vm), 0);
  },
);

engineTest("a vCPU takes any entry state or refuses it", () => {
  const vm = check(stub, stub.sx_vm_create(ENGINE_NUMBER[ENGINE], 512));
  const vcpu = check(stub, stub.sx_vcpu_create(vm, 0));
  const word = fc.oneof(fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1), fc.nat(2 ** 32 - 1));
  fc.assert(fc.property(word, word, word, word, word, (a, b, c, d, e) => {
    ok(stub.sx_vcpu_boot_long(vcpu, a, b, c, d, e) <= 0);
    strictEqual(stub.sx_vcpu_boot_multiboot(vcpu, a, b), 0);
    strictEqual(stub.sx_vcpu_boot_pvh(vcpu, a, b), 0);
  }));
  strictEqual(stub.sx_vcpu_destroy(vcpu), 0);
  strictEqual(stub.sx_vm_destroy(vm), 0);
});

Deno.test("sx_file_zero() makes a range zero, gives its space back and keeps the file's size", () => {
  const size = 1 << 20, part = 1 << 16;
  using file = new TempFile(new Uint8Array(size).fill(7));
  const path = new TextEncoder().encode(`${file.path}\0`);
  const disk = check(stub, stub.sx_file_open(path, path.length, 1));
  const zeros = () => Deno.readFileSync(file.path).filter((byte) => byte === 0).length;
  strictEqual(stub.sx_file_zero(disk, 1000, 0, part, 0), 0);
  strictEqual(zeros(), part);
  strictEqual(stub.sx_file_flush(disk), 0);
  const before = Deno.statSync(file.path).blocks!;
  strictEqual(stub.sx_file_zero(disk, size / 2, 0, size / 2, 1), 0);
  ok(Deno.statSync(file.path).blocks! < before);
  strictEqual(zeros(), part + size / 2);
  strictEqual(stub.sx_file_zero(disk, size, 0, 0, 0), 0);
  for (
    const [lo, hi, length] of [[size, 0, 1], [0, 0, size + 1], [0, 1, 1], [-1, -1, 1]] as const
  ) {
    ok(stub.sx_file_zero(disk, lo, hi, length, 1) < 0, `${lo} ${hi} ${length}`);
    ok(stub.sx_file_zero(disk, lo, hi, length, 0) < 0, `${lo} ${hi} ${length}`);
  }
  strictEqual(Deno.statSync(file.path).size, size);
  const readOnly = check(stub, stub.sx_file_open(path, path.length, 0));
  ok(stub.sx_file_zero(readOnly, 0, 0, part, 0) < 0);
  ok(stub.sx_file_zero(readOnly, 0, 0, part, 1) < 0);
  strictEqual(zeros(), part + size / 2);
  stub.sx_file_close(readOnly);
  stub.sx_file_close(disk);
});
