/**
 * Roles that change their cores while the machine runs: vCPUs are kept out of their guests while
 * their threads are put elsewhere, everything else goes on.
 */
import {
  confineHousekeeping,
  confineThreads,
  housekeepingThreads,
  moveThread,
} from "./affinity.ts";
import type { HypervisorCore } from "./hypervisor_core.ts";
import type { RoleMove, Step } from "./role_moves.ts";
import { check, type Stub } from "./stub.ts";

const EAGAIN = 11;
/** How many times a vCPU that was let go is looked at, a millisecond or more apart. */
const LOOKS = 2000;

/** What runs a vCPU. */
export interface VcpuRunner {
  /** The stub's handle of the vCPU. */
  readonly handle: number;
  /** Linux thread id of the vCPU's own thread, or the worker that runs it under same-core placement. */
  readonly thread: number | HypervisorCore;
}

/** The threads behind the roles of one machine. */
export interface RoleThreads {
  /** Serves the machine; none under same-core placement. */
  readonly hypervisor?: HypervisorCore;
  readonly vcpus: readonly VcpuRunner[];
}

function isHousekeeping(step: Step): step is RoleMove {
  return "role" in step && step.role === "housekeeping";
}

function pinGuest(stub: Stub, { thread }: VcpuRunner, cpu: number): void {
  if (typeof thread === "number") moveThread(stub, thread, cpu);
  else thread.moveTo(cpu);
}

/**
 * Takes the steps. When one fails, everything is put back where it was.
 *
 * The thread that runs this follows the other housekeeping threads last, after every vCPU: where it
 * goes it may have to wait, and a held vCPU would wait with it.
 *
 * @param processes those beside this one that belong to housekeeping
 * @throws StubError why a step failed
 */
export function moveRoles(
  stub: Stub,
  steps: readonly Step[],
  threads: RoleThreads,
  processes: readonly number[],
): void {
  const self = stub.sx_thread_id();
  const others = [...housekeepingThreads().filter((tid) => tid !== self), ...processes];
  const done: RoleMove[] = [], held = new Set<number>();
  const hold = (vcpu: number) => {
    check(stub, stub.sx_vcpu_hold(threads.vcpus[vcpu]!.handle));
    held.add(vcpu);
  };
  const release = (vcpu: number) => {
    held.delete(vcpu);
    check(stub, stub.sx_vcpu_release(threads.vcpus[vcpu]!.handle));
  };
  const pin = ({ role, vcpu }: RoleMove, cpus: readonly number[]) => {
    if (role === "guest") pinGuest(stub, threads.vcpus[vcpu!]!, cpus[0]!);
    else if (role === "hypervisor") threads.hypervisor!.moveTo(cpus[0]!);
    else confineThreads(stub, others, cpus);
  };
  const follow = (cpus: readonly number[]) => {
    confineThreads(stub, [self], cpus);
    confineHousekeeping(stub, cpus); // threads that were made meanwhile
  };
  const house = steps.find(isHousekeeping);
  try {
    for (const step of steps) {
      if ("hold" in step) {
        hold(step.hold);
        continue;
      }
      const { role, vcpu } = step;
      if (role === "guest" && !held.has(vcpu!)) hold(vcpu!);
      done.push(step);
      pin(step, step.to);
      if (role === "guest") release(vcpu!);
    }
    if (house) follow(house.to);
  } catch (error) {
    for (const move of done.reverse()) pin(move, move.from);
    if (house) follow(house.from);
    throw error;
  } finally {
    for (const vcpu of [...held]) release(vcpu);
  }
}

/**
 * How long a move kept a vCPU from its guest, in TSC ticks: from asking it to come out until it went
 * on. 0 when it had halted or waited anyway.
 *
 * @returns undefined when it ended instead of going on
 */
export async function pauseOf(stub: Stub, { handle }: VcpuRunner): Promise<number | undefined> {
  for (let look = 0; look < LOOKS; look++) {
    const ticks = stub.sx_vcpu_pause(handle);
    if (ticks >= 0) return ticks;
    if (ticks !== -EAGAIN) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return undefined;
}
