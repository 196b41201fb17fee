/** Pinning threads, and reading back from /proc where they may run. */
import { formatCpuList, parseCpuList } from "./cpu_list.ts";
import { check, type Stub, StubError } from "./stub.ts";

const MASK_BYTES = 128;
/** The thread ended meanwhile. */
const ESRCH = 3;

/** A bit mask of CPUs as `sched_setaffinity` takes it. */
function maskOf(cpus: readonly number[]): Uint8Array<ArrayBuffer> {
  const mask = new Uint8Array(MASK_BYTES);
  for (const cpu of cpus) mask[cpu >> 3]! |= 1 << (cpu & 7);
  return mask;
}

/**
 * Confines a thread of this process.
 *
 * @param tid Linux thread id, 0 for the calling thread
 * @param cpus where it may run
 * @throws StubError
 */
export function pinThread(stub: Stub, tid: number, cpus: readonly number[]): void {
  const mask = maskOf(cpus);
  check(stub, stub.sx_thread_pin(tid, mask, mask.length));
}

/** A thread of this process as /proc shows it. */
export interface ThreadAffinity {
  readonly tid: number;
  readonly name: string;
  readonly cpus: readonly number[];
}

function threadIds(): number[] {
  return [...Deno.readDirSync("/proc/self/task")].map((entry) => Number(entry.name));
}

/** Reads back where every thread of this process may run. */
export function readAffinities(): ThreadAffinity[] {
  const threads: ThreadAffinity[] = [];
  for (const tid of threadIds()) {
    let status: string;
    try {
      status = Deno.readTextFileSync(`/proc/self/task/${tid}/status`);
    } catch {
      continue; // it ended meanwhile
    }
    threads.push({
      tid,
      name: /^Name:\s*(.*)$/m.exec(status)?.[1] ?? "",
      cpus: parseCpuList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? ""),
    });
  }
  return threads;
}

/**
 * The threads of this process that have a core of their own, and which: hypervisor cores' workers
 * and vCPUs. Every other thread is housekeeping.
 */
const placed = new Map<number, number>();

/** A thread has been pinned to its core. */
export function placeThread(tid: number, cpu: number): void {
  placed.set(tid, cpu);
}

/** The thread is about to end, or has. */
export function forgetThread(tid: number): void {
  placed.delete(tid);
}

/** The threads that have no core of their own. */
export function housekeepingThreads(): number[] {
  return threadIds().filter((tid) => !placed.has(tid));
}

/** Confines threads; those that have ended meanwhile are passed over. */
export function confineThreads(
  stub: Stub,
  threads: readonly number[],
  cpus: readonly number[],
): void {
  for (const tid of threads) {
    try {
      pinThread(stub, tid, cpus);
    } catch (error) {
      if (!(error instanceof StubError) || error.errno !== ESRCH) throw error;
    }
  }
}

/** Confines every housekeeping thread that this process has now; later ones inherit it. */
export function confineHousekeeping(stub: Stub, cpus: readonly number[]): void {
  confineThreads(stub, housekeepingThreads(), cpus);
}

/** Gives a thread another core of its own. One that has ended meanwhile stays where it was. */
export function moveThread(stub: Stub, tid: number, cpu: number): void {
  if (!placed.has(tid)) return;
  confineThreads(stub, [tid], [cpu]);
  placeThread(tid, cpu);
}

/**
 * Reads every thread's affinity back from /proc and holds it against the plan.
 *
 * @param guestCores where no housekeeping thread may run
 * @returns one line for each thread that may run where it should not
 */
export function misplacedThreads(guestCores: ReadonlySet<number>): string[] {
  const lines: string[] = [];
  for (const { tid, name, cpus } of readAffinities()) {
    const cpu = placed.get(tid);
    const where = `thread ${tid} (${name}) may run on ${formatCpuList(cpus)}`;
    if (cpu === undefined) {
      if (cpus.some((at) => guestCores.has(at))) lines.push(`${where}, guest cores among them`);
    } else if (cpus.length !== 1 || cpus[0] !== cpu) {
      lines.push(`${where}, not on ${cpu} as planned`);
    }
  }
  return lines;
}
