/** Pinning threads, and reading back from /proc where they may run. */
import { parseCpuList } from "./cpu_list.ts";
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

/** Reads back where every thread of this process may run. */
export function readAffinities(): ThreadAffinity[] {
  const threads: ThreadAffinity[] = [];
  for (const entry of Deno.readDirSync("/proc/self/task")) {
    let status: string;
    try {
      status = Deno.readTextFileSync(`/proc/self/task/${entry.name}/status`);
    } catch {
      continue; // it ended meanwhile
    }
    threads.push({
      tid: Number(entry.name),
      name: /^Name:\s*(.*)$/m.exec(status)?.[1] ?? "",
      cpus: parseCpuList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? ""),
    });
  }
  return threads;
}

/**
 * Confines the threads that this process has now; threads made later inherit it.
 *
 * @param except thread ids that have a place of their own
 */
export function pinProcess(
  stub: Stub,
  cpus: readonly number[],
  except: ReadonlySet<number> = new Set(),
): void {
  for (const { tid } of readAffinities()) {
    if (except.has(tid)) continue;
    try {
      pinThread(stub, tid, cpus);
    } catch (error) {
      if (!(error instanceof StubError) || error.errno !== ESRCH) throw error;
    }
  }
}
