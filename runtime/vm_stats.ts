/** A machine's counters, read from shared memory and given names. */
import * as abi from "../cores/abi.ts";
import { type EngineStatistics, readEngineStatistics } from "../cores/engine_statistics.ts";
import type { Stub } from "../cores/stub.ts";
import { COUNTER } from "../cores/vcpu_channel.ts";
import { MACHINE_COUNTER, machineCounters, vcpuCounters } from "./counters.ts";
import type { MachineDescription } from "./machine_description.ts";

/** Names of exit reasons, by number. */
const REASON_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(abi)
    .filter(([name]) => /^EXIT_/.test(name) && name !== "EXIT_REASONS")
    .map(([name, number]) => [
      number as number,
      name.slice("EXIT_".length).toLowerCase().replaceAll("_", "-"),
    ]),
);

/**
 * The name of an exit reason, such as `io` for 30.
 *
 * @param reason SDM basic exit reason, or one of ours above them
 */
export function reasonName(reason: number): string {
  return REASON_NAMES.get(reason) ?? `reason-${reason}`;
}

/** Counters of one vCPU since it started; times in nanoseconds. */
export interface VcpuStats {
  /** Exits taken on the guest core, by the name of their reason. */
  readonly exits: Readonly<Record<string, number>>;
  /** Their sum, kicks included, but no `poll`: on a virtual clock that stands for a core that polls. */
  readonly exitsTotal: number;
  /** Time inside the engine, the guest's spinning included. */
  readonly guestNs: number;
  /** Time between exit events and their completions. */
  readonly waitNs: number;
  /** Time that serving this vCPU took. */
  readonly servedNs: number;
  /** Synchronous requests through the cell. */
  readonly calls: number;
  /** Requests through the posted ring. */
  readonly postedCalls: number;
  /** Exits for which the vCPU did not wait. */
  readonly postedExits: number;
  /** Times that the ring of posted exits was full. */
  readonly postedFull: number;
  /** Entries of that ring that wait to be served, {@link abi.POSTED_DEPTH} at most. */
  readonly postedWaiting: number;
  /** Times that it idled because the guest asked for it. */
  readonly parks: number;
  /** TSC before the first instruction; 0 before the start. */
  readonly firstRunTicks: number;
  /** Linux thread that runs it, 0 before the start. */
  readonly thread: number;
  /** Processor time of that thread, the guest's included. */
  readonly cpuNs: number;
  /** The engine's own counters of it: KVM's by the kernel's names, where the kernel has any. */
  readonly engine: EngineStatistics;
}

/** Counters of a machine. */
export interface VmStats {
  /** By number of the vCPU. */
  readonly vcpus: readonly VcpuStats[];
  /** Accesses to ports that nothing answers. */
  readonly wildPorts: number;
  /** Accesses to addresses that are neither memory nor a device. */
  readonly unmappedMemory: number;
  /** Hypercalls with a number that no service has. */
  readonly unknownCalls: number;
  /** Times that a driver notified a device queue. */
  readonly queueNotifications: number;
  /** Requests of drivers that were served. */
  readonly queueRequests: number;
  /** Interrupts that devices sent. */
  readonly interrupts: number;
  /** Interrupts that no controller took. */
  readonly lostInterrupts: number;
  /** Frames that its network took. */
  readonly framesSent: number;
  /** Frames that its driver got. */
  readonly framesReceived: number;
  /** Frames that were malformed or found no room, going out or coming in. */
  readonly framesDropped: number;
  /** 1 when what was at the other end of its network is gone: its link is down since. */
  readonly linksLost: number;
  /** Guest memory that the host has given it, bytes. */
  readonly residentBytes: number;
  /** The engine's own counters: the machine's, and the sums of its vCPUs'. */
  readonly engine: EngineStatistics;
}

function long(words: Int32Array, at: number): number {
  return (words[at + 1]! >>> 0) * 2 ** 32 + (words[at]! >>> 0);
}

/** Entries of the posted ring between the vCPU, which puts, and its core, which takes. */
function waiting(block: Int32Array): number {
  const taken = block[abi.VCPU_BLOCK_POSTED_TAIL]!;
  const put = block[abi.VCPU_BLOCK_STATE + abi.STATE_POSTED]!;
  return Math.max(0, Math.min(abi.POSTED_DEPTH, put - taken | 0));
}

/** Linux's /proc/PID/task/TID/schedstat: its first figure is the time on a processor. */
function cpuTime(thread: number): number {
  if (thread === 0) return 0;
  try {
    return Number(Deno.readTextFileSync(`/proc/self/task/${thread}/schedstat`).split(" ")[0]);
  } catch {
    return 0; // it has ended, or the kernel does not keep count
  }
}

function sumOf(all: readonly EngineStatistics[]): EngineStatistics {
  const sum: Record<string, number> = {};
  for (const one of all) {
    for (const [name, value] of Object.entries(one)) sum[name] = (sum[name] ?? 0) + value;
  }
  return sum;
}

function vcpuStats(
  block: Int32Array,
  counters: Float64Array,
  engine: EngineStatistics,
  nsPerTick: number,
): VcpuStats {
  const state = abi.VCPU_BLOCK_STATE;
  const thread = block[state + abi.STATE_THREAD]!;
  const exits: Record<string, number> = {};
  let exitsTotal = 0;
  for (let reason = 0; reason < abi.EXIT_REASONS; reason++) {
    const count = long(block, abi.VCPU_BLOCK_EXITS + 2 * reason);
    if (count === 0) continue;
    exits[reasonName(reason)] = count;
    if (reason !== abi.EXIT_POLL) exitsTotal += count;
  }
  return {
    exits,
    exitsTotal,
    guestNs: long(block, state + abi.STATE_GUEST_TICKS) * nsPerTick,
    waitNs: long(block, state + abi.STATE_WAIT_TICKS) * nsPerTick,
    servedNs: counters[COUNTER.busyTicks]! * nsPerTick,
    calls: counters[COUNTER.calls]!,
    postedCalls: counters[COUNTER.postedCalls]!,
    postedExits: counters[COUNTER.postedExits]!,
    postedFull: long(block, state + abi.STATE_POSTED_FULL),
    postedWaiting: waiting(block),
    parks: long(block, state + abi.STATE_PARKS),
    firstRunTicks: long(block, state + abi.STATE_FIRST_RUN_TICKS),
    thread,
    cpuNs: long(block, state + abi.STATE_CPU_NS) || cpuTime(thread),
    engine,
  };
}

/**
 * Reads a machine's counters.
 *
 * @param blocks of its vCPUs
 */
export function readStats(
  stub: Stub,
  { vm, vcpus, counters }: Pick<MachineDescription, "vm" | "vcpus" | "counters">,
  blocks: readonly Int32Array[],
  nsPerTick: number,
): VmStats {
  const machine = machineCounters(counters);
  const ofVm = readEngineStatistics((out, size) => stub.sx_vm_statistics(vm, out, size));
  const ofVcpus = vcpus.map(({ handle }) =>
    readEngineStatistics((out, size) => stub.sx_vcpu_statistics(handle, out, size))
  );
  return {
    vcpus: blocks.map((block, i) =>
      vcpuStats(block, vcpuCounters(counters, i), ofVcpus[i]!, nsPerTick)
    ),
    wildPorts: machine[MACHINE_COUNTER.wildPorts]!,
    unmappedMemory: machine[MACHINE_COUNTER.unmappedMemory]!,
    unknownCalls: machine[MACHINE_COUNTER.unknownCalls]!,
    queueNotifications: machine[MACHINE_COUNTER.queueNotifications]!,
    queueRequests: machine[MACHINE_COUNTER.queueChains]!,
    interrupts: machine[MACHINE_COUNTER.interrupts]!,
    lostInterrupts: machine[MACHINE_COUNTER.lostInterrupts]!,
    framesSent: machine[MACHINE_COUNTER.framesSent]!,
    framesReceived: machine[MACHINE_COUNTER.framesReceived]!,
    framesDropped: machine[MACHINE_COUNTER.framesDropped]!,
    linksLost: machine[MACHINE_COUNTER.linksLost]!,
    residentBytes: stub.sx_vm_resident(vm),
    engine: sumOf([ofVm, ...ofVcpus]),
  };
}
