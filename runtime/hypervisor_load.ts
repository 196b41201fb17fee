/** How busy each hypervisor core is: counters now, less counters before. */
import type { HypervisorCore } from "../cores/hypervisor_core.ts";
import type { Vm } from "./vm.ts";
import type { VmStats } from "./vm_stats.ts";

/** Shares of the time since the last look, 0 to 1; the rest is sleep. */
export interface CoreLoad {
  readonly core: HypervisorCore;
  /** Serving vCPUs and device queues. */
  readonly busy: number;
  readonly spin: number;
}

/** The cores that poll. */
export interface PollingCores {
  readonly hypervisorCores: readonly HypervisorCore[];
  /** Nanoseconds in a TSC tick. */
  readonly nsPerTick: number;
}

/** Sums since the start of a core; nanoseconds. */
interface Sums {
  readonly loop: number;
  readonly parked: number;
}

function clamped(share: number): number {
  return Number.isFinite(share) ? Math.max(0, Math.min(1, share)) : 0;
}

/** A loop that says nothing of itself sleeps, or has not once been idle. */
function sharesOf({ loop, parked }: Sums, served: number): Omit<CoreLoad, "core"> {
  if (loop <= 0) return { busy: served > 0 ? 1 : 0, spin: 0 };
  const busy = clamped(served / loop);
  return { busy, spin: clamped(1 - busy - clamped(parked / loop)) };
}

/** See the head of this file. */
export class HypervisorLoad {
  readonly #cores: PollingCores;
  #sums = new Map<HypervisorCore, Sums>();
  #served = new Map<number, number>();

  constructor(cores: PollingCores) {
    this.#cores = cores;
  }

  /**
   * Looks at every core that polls; shares are of the time since the last look.
   *
   * @param stats the counters of the machines that they serve, as they are now
   */
  look(stats: ReadonlyMap<Vm, VmStats>): CoreLoad[] {
    const sums = this.#sums, served = this.#served;
    this.#sums = new Map();
    this.#served = new Map();
    const servedSince = (core: HypervisorCore) => {
      let total = 0;
      for (const [vm, { vcpus, queueServedNs }] of stats) {
        if (vm.config.placement === "same-core" || !vm.isServedBy(core)) continue;
        const now = vcpus.reduce((sum, { servedNs }) => sum + servedNs, queueServedNs);
        this.#served.set(vm.id, now);
        total += Math.max(0, now - (served.get(vm.id) ?? 0));
      }
      return total;
    };
    const { nsPerTick } = this.#cores;
    return this.#cores.hypervisorCores.flatMap((core) => {
      const { turns, loopTicks, parkedTicks } = core.stats();
      const now = { loop: loopTicks * nsPerTick, parked: parkedTicks * nsPerTick };
      const before = sums.get(core) ?? { loop: 0, parked: 0 };
      this.#sums.set(core, now);
      const since = servedSince(core);
      // Under same-core placement nothing polls.
      if (turns === 0 && since === 0) return [];
      const loop = Math.max(0, now.loop - before.loop);
      const parked = Math.max(0, now.parked - before.parked);
      return [{ core, ...sharesOf({ loop, parked }, since) }];
    });
  }
}
