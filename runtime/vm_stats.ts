/** A machine's counters, read from shared memory and given names. */
import * as abi from "../cores/abi.ts";
import { type EngineStatistics, readEngineStatistics } from "../cores/engine_statistics.ts";
import { longAt, type Stub } from "../cores/stub.ts";
import { COUNTER } from "../cores/vcpu_channel.ts";
import { MACHINE_COUNTER, machineCounters, vcpuCounters } from "./counters.ts";
import { type QueueOccupancy, readQueues } from "./devices/virtio/queue_table.ts";
import { reasonName } from "./exit_reasons.ts";
import type { Machine } from "./machine_setup.ts";

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
  /** Posted requests that wait to be served by the guest's word, {@link abi.RING_DEPTH} at most. */
  readonly ringWaiting: number;
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
  /** Time that serving device queues took of the core that polls them, nanoseconds. */
  readonly queueServedNs: number;
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
  /** How full its device queues are, those that its drivers have set up. */
  readonly queues: readonly QueueOccupancy[];
  /** Guest memory that the host has given it, bytes. */
  readonly residentBytes: number;
  /** The engine's own counters: the machine's, and the sums of its vCPUs'. */
  readonly engine: EngineStatistics;
}

/** Entries of the posted ring between the vCPU, which puts, and its core, which takes. */
function waiting(block: Int32Array): number {
  const taken = block[abi.VCPU_BLOCK_POSTED_TAIL]!;
  const put = block[abi.VCPU_BLOCK_STATE + abi.STATE_POSTED]!;
  return Math.max(0, Math.min(abi.POSTED_DEPTH, put - taken | 0));
}

/**
 * Slots of the ring of posted requests that are filled and were not taken. The guest fills them in
 * order, so that the first one that is not filled can be searched for by halves.
 */
function ringWaiting(page: Int32Array, taken: number): number {
  let least = 0, most: number = abi.RING_DEPTH;
  while (least < most) {
    const middle = least + most + 1 >> 1, seq = taken + middle | 0;
    const slot = abi.HYPERCALL_PAGE_RING + (seq - 1 & abi.RING_DEPTH - 1) * abi.REQUEST_BYTES / 4;
    if (page[slot + abi.REQUEST_SEQ] === seq) least = middle;
    else most = middle - 1;
  }
  return least;
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
  page: Int32Array,
  counters: Float64Array,
  engine: EngineStatistics,
  nsPerTick: number,
): VcpuStats {
  const state = abi.VCPU_BLOCK_STATE;
  const thread = block[state + abi.STATE_THREAD]!;
  const exits: Record<string, number> = {};
  let exitsTotal = 0;
  for (let reason = 0; reason < abi.EXIT_REASONS; reason++) {
    const count = longAt(block, abi.VCPU_BLOCK_EXITS + 2 * reason);
    if (count === 0) continue;
    exits[reasonName(reason)] = count;
    if (reason !== abi.EXIT_POLL) exitsTotal += count;
  }
  return {
    exits,
    exitsTotal,
    guestNs: longAt(block, state + abi.STATE_GUEST_TICKS) * nsPerTick,
    waitNs: longAt(block, state + abi.STATE_WAIT_TICKS) * nsPerTick,
    servedNs: counters[COUNTER.busyTicks]! * nsPerTick,
    calls: counters[COUNTER.calls]!,
    postedCalls: counters[COUNTER.postedCalls]!,
    postedExits: counters[COUNTER.postedExits]!,
    postedFull: longAt(block, state + abi.STATE_POSTED_FULL),
    postedWaiting: waiting(block),
    ringWaiting: ringWaiting(page, counters[COUNTER.postedCalls]!),
    parks: longAt(block, state + abi.STATE_PARKS),
    firstRunTicks: longAt(block, state + abi.STATE_FIRST_RUN_TICKS),
    thread,
    cpuNs: longAt(block, state + abi.STATE_CPU_NS) || cpuTime(thread),
    engine,
  };
}

/** Reads a machine's counters. */
export function readStats(
  stub: Stub,
  { description: { vm, vcpus, counters, queueTable }, memory, blocks, pages }: Machine,
  nsPerTick: number,
): VmStats {
  const machine = machineCounters(counters);
  const ofVm = readEngineStatistics((out, size) => stub.sx_vm_statistics(vm, out, size));
  const ofVcpus = vcpus.map(({ handle }) =>
    readEngineStatistics((out, size) => stub.sx_vcpu_statistics(handle, out, size))
  );
  return {
    vcpus: blocks.map((block, i) =>
      vcpuStats(block, pages[i]!, vcpuCounters(counters, i), ofVcpus[i]!, nsPerTick)
    ),
    wildPorts: machine[MACHINE_COUNTER.wildPorts]!,
    unmappedMemory: machine[MACHINE_COUNTER.unmappedMemory]!,
    unknownCalls: machine[MACHINE_COUNTER.unknownCalls]!,
    queueNotifications: machine[MACHINE_COUNTER.queueNotifications]!,
    queueRequests: machine[MACHINE_COUNTER.queueChains]!,
    queueServedNs: machine[MACHINE_COUNTER.queueServedTicks]! * nsPerTick,
    interrupts: machine[MACHINE_COUNTER.interrupts]!,
    lostInterrupts: machine[MACHINE_COUNTER.lostInterrupts]!,
    framesSent: machine[MACHINE_COUNTER.framesSent]!,
    framesReceived: machine[MACHINE_COUNTER.framesReceived]!,
    framesDropped: machine[MACHINE_COUNTER.framesDropped]!,
    linksLost: machine[MACHINE_COUNTER.linksLost]!,
    queues: readQueues(queueTable, memory),
    residentBytes: stub.sx_vm_resident(vm),
    engine: sumOf([ofVm, ...ofVcpus]),
  };
}
