/** The stub with a machine that is only memory, for hosts that have no KVM. */
import { fileURLToPath } from "node:url";
import { buildLibrary } from "../build/stub.ts";
import { GuestMemory } from "../cores/guest_memory.ts";
import { addressOf, check, type Stub, SYMBOLS } from "../cores/stub.ts";

const STUB = fileURLToPath(new URL("../stub/", import.meta.url));
const MACHINE = fileURLToPath(new URL("native/machine_without_kvm.c", import.meta.url));

const files = [...Deno.readDirSync(STUB)].map((entry) => STUB + entry.name).sort();
const library = await buildLibrary(
  "test-stub",
  [MACHINE, ...files.filter((file) => file.endsWith(".c"))],
  files.filter((file) => file.endsWith(".h")),
  () => {},
);
const { symbols } = Deno.dlopen(library, {
  ...SYMBOLS,
  test_vm_create: { parameters: ["u32"], result: "i32" },
});

/** All of the stub's functions. */
export const stub: Stub = symbols;

/** A machine with so many bytes of memory: the stub's handle, and the memory. */
export function machineWithoutKvm(bytes: number): { vm: number; memory: GuestMemory } {
  const vm = check(stub, symbols.test_vm_create(bytes));
  return { vm, memory: new GuestMemory(addressOf(stub.sx_vm_memory(vm)), bytes) };
}
