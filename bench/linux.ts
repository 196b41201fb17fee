/**
 * What an unmodified Linux's block I/O costs in exits and interrupts, counted while it does nothing
 * else. KVM counts them, so it takes a host whose KVM runs ring 0 natively; counts, not times, so the
 * lab will do.
 */
import { linuxConfig } from "../runtime/linux_guest.ts";
import type { Row } from "../runtime/records.ts";
import { Runtime } from "../runtime/runtime.ts";
import type { Vm } from "../runtime/vm.ts";
import type { VmStats } from "../runtime/vm_stats.ts";
import { bounded, figure } from "./measurement.ts";

const ENGINE = "kvm";
const MIB = 1024 ** 2;
const DISK_BYTES = 64 * MIB;
/** The core stays awake between two requests, however slow an emulated machine is. */
const SPIN_NS = 1e9;
const READS = 4000, DEPTH = 32, READS_EACH = 200;

/** Reads past the page cache, alone and many at a time, between words on the console. */
const SCRIPT = `
read_blocks() { dd if=/dev/vda of=/dev/null bs=4k iflag=direct "$@" 2> /dev/null; }
read_blocks count=500
echo BEGIN alone
read_blocks count=${READS}
echo END alone
echo BEGIN deep
for i in $(seq ${DEPTH}); do read_blocks count=${READS_EACH} skip=$((i * ${READS_EACH})) & done
wait
echo END deep
`;

/** What was counted between a BEGIN and its END. */
interface Counts {
  readonly requests: number;
  readonly exits: number;
  readonly interrupts: number;
}

/** Exits that went to user space, by KVM's own count. */
function userExits({ engine }: VmStats): number {
  return (engine.io_exits ?? NaN) + (engine.mmio_exits ?? NaN);
}

function between(before: VmStats, after: VmStats): Counts {
  return {
    requests: after.queueRequests - before.queueRequests,
    exits: userExits(after) - userExits(before),
    interrupts: after.interrupts - before.interrupts,
  };
}

/** Follows the console and reads the counters at each word of the script. */
async function countPhases(vm: Vm): Promise<Map<string, Counts>> {
  const counts = new Map<string, Counts>(), begun = new Map<string, VmStats>();
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of vm.console) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const [word, phase] = line.trim().split(" ");
      if (word === "BEGIN") begun.set(phase!, vm.stats());
      const before = begun.get(phase ?? "");
      if (word === "END" && before) counts.set(phase!, between(before, vm.stats()));
    }
  }
  return counts;
}

/**
 * Runs the benchmark.
 *
 * @param say told what is going on
 * @returns rows; those with a bound say whether it holds
 */
export async function benchLinux(say: (line: string) => void): Promise<Row[]> {
  const folder = Deno.makeTempDirSync({ prefix: "splitx-bench-" });
  try {
    const script = `${folder}/script`, disk = `${folder}/disk`;
    Deno.writeTextFileSync(script, SCRIPT);
    Deno.writeFileSync(disk, new Uint8Array(DISK_BYTES));
    await using runtime = await Runtime.open({ progress: say, spinNs: SPIN_NS });
    runtime.engineFor({ machine: "pc", engine: ENGINE });
    const config = await linuxConfig({ script }, say);
    await using vm = runtime.createVm({
      ...config,
      engine: ENGINE,
      disk,
      polling: { startRate: 0 },
    });
    say("Linux boots");
    await vm.start();
    return rowsOf(await countPhases(vm));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function rowsOf(counts: ReadonlyMap<string, Counts>): Row[] {
  const knobs = {
    engine: ENGINE,
    placement: "split",
    notification: "polled",
    guest: "linux",
  } as const;
  const phase = (name: string) => counts.get(name) ?? { requests: 0, exits: 0, interrupts: 0 };
  const alone = phase("alone"), deep = phase("deep");
  const each = (count: number, requests: number) => requests > 0 ? count / requests : Infinity;
  const exits = each(alone.exits, alone.requests),
    interrupts = each(deep.interrupts, deep.requests);
  return [
    figure("block reads, one at a time", knobs, "count", alone.requests, 1),
    figure(`block reads, ${DEPTH} at a time`, knobs, "count", deep.requests, 1),
    figure(
      "interrupts per read, one at a time",
      knobs,
      "count",
      each(alone.interrupts, alone.requests),
      alone.requests,
    ),
    bounded(
      "exits to user space per block I/O",
      "count",
      exits,
      alone.requests,
      "at most 0.02",
      exits <= 0.02,
    ),
    figure(
      `interrupts per read, ${DEPTH} at a time`,
      knobs,
      "count",
      interrupts,
      deep.requests,
    ),
  ];
}
