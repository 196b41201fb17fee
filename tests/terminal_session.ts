/**
 * Run on a terminal: a command that has it for a guest's console, and ends as it is told to. The
 * guest is a double, so that this needs no engine.
 */
import { buildStub } from "../build/stub.ts";
import { interruptible, runCommand } from "../cli/command.ts";
import { Terminal } from "../cli/terminal.ts";
import { openStub } from "../cores/stub.ts";
import { runError } from "../errors.ts";
import type { Vm } from "../runtime/vm.ts";

const [way] = Deno.args;
const stub = openStub(await buildStub(() => {}));

async function main(signal: AbortSignal): Promise<number> {
  const { promise: left, resolve: leave } = Promise.withResolvers<void>();
  const vm = { resize() {}, type: () => Promise.resolve() } as unknown as Vm;
  using _terminal = new Terminal(stub, vm, leave);
  console.log(`up ${Deno.pid} end`);
  switch (way) {
    case "end":
      return 7;
    case "failure":
      throw runError("vcpu-stuck", "a vCPU does not obey");
    case "throw":
      throw new TypeError("a defect");
    case "reject":
      Promise.reject(new TypeError("a defect elsewhere"));
      break;
    case "fault":
      new Deno.UnsafePointerView(Deno.UnsafePointer.create(16n)!).getUint8();
  }
  await interruptible(signal, left);
  return 8;
}

await runCommand("session", main);
