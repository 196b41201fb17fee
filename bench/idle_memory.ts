/** Resident memory of the runtime with idle machines, measured in a process of its own. */
import { fileURLToPath } from "node:url";
import { Runtime } from "../runtime/runtime.ts";
import type { Vm } from "../runtime/vm.ts";

const SELF = fileURLToPath(import.meta.url);
const FURTHER = 8;
const SETTLE_MS = 500;

/** Mebibytes. */
export interface IdleMemory {
  /** Runtime and one idle machine, its guest memory included. */
  readonly runtimeMib: number;
  /** Each further machine, less its guest memory. */
  readonly furtherMib: number;
  readonly further: number;
}

/** Measures it in a new process. */
export async function idleMemory(): Promise<IdleMemory> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", SELF] })
    .output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Of this process. */
function residentMib(): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

if (import.meta.main) {
  await using runtime = await Runtime.open();
  const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const idle = async () => {
    const vm = runtime.createVm({ guest: "hello", cmdline: "park=600000", overcommit: true });
    await vm.start();
    await settle();
    return vm;
  };
  await idle();
  const one = residentMib(), further: Vm[] = [];
  while (further.length < FURTHER) further.push(await idle());
  const guests = further.reduce((sum, vm) => sum + vm.stats().residentBytes, 0) / 1024 ** 2;
  const result: IdleMemory = {
    runtimeMib: one,
    furtherMib: (residentMib() - one - guests) / FURTHER,
    further: FURTHER,
  };
  console.log(JSON.stringify(result));
}
