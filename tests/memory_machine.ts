/** The stub with a machine of which only the memory is used. */
import { buildStub } from "../build/stub.ts";
import { ENGINE_SOFT } from "../cores/abi.ts";
import { GuestMemory } from "../cores/guest_memory.ts";
import { addressOf, check, openStub } from "../cores/stub.ts";

/** All of the stub's functions. */
export const stub = openStub(await buildStub(() => {}));

/** A machine with so many bytes of memory: the stub's handle, and the memory. */
export function memoryMachine(bytes: number): { vm: number; memory: GuestMemory } {
  const vm = check(stub, stub.sx_vm_create(ENGINE_SOFT, bytes / 4096));
  return { vm, memory: new GuestMemory(addressOf(stub.sx_vm_memory(vm)), bytes) };
}
