/** What every core and machine does now: counters now, less counters before. */
import { POSTED_DEPTH, RING_DEPTH } from "../../cores/abi.ts";
import { usableCores } from "../../cores/topology.ts";
import { HypervisorLoad } from "../hypervisor_load.ts";
import type { Runtime } from "../runtime.ts";
import type { Vm } from "../vm.ts";
import type { VmStats } from "../vm_stats.ts";
import { HostLoad } from "./host_load.ts";
import type { CoreActivity, CoreRole, MachineActivity, Snapshot } from "./schemas.ts";

const NS_PER_MS = 1e6;

/** Time of one vCPU's thread, nanoseconds since its start. */
interface Times {
  readonly busy: number;
  readonly spin: number;
}

interface Shares {
  readonly busy: number;
  readonly spin: number;
}

/** What is shown as a rate, since a machine's start. */
interface Sums {
  readonly exits: number;
  readonly requests: number;
  readonly deviceRequests: number;
  readonly interrupts: number;
  readonly frames: number;
}

const NOTHING: Sums = { exits: 0, requests: 0, deviceRequests: 0, interrupts: 0, frames: 0 };

function clamped(share: number): number {
  return Number.isFinite(share) ? Math.max(0, Math.min(1, share)) : 0;
}

function rounded(share: number): number {
  return Math.round(clamped(share) * 1000) / 1000;
}

function sumsOf(stats: VmStats): Sums {
  const { vcpus, queueRequests, interrupts, framesSent, framesReceived } = stats;
  return {
    exits: sum(vcpus, (vcpu) => vcpu.exitsTotal),
    requests: queueRequests + sum(vcpus, (vcpu) => vcpu.calls + vcpu.postedCalls),
    deviceRequests: queueRequests,
    interrupts,
    frames: framesSent + framesReceived,
  };
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((sum, one) => sum + of(one), 0);
}

function isLiving(vm: Vm): boolean {
  return vm.state === "running" || vm.state === "paused";
}

/** Who does what on each core. */
export function rolesOf(vms: readonly Vm[]): Map<number, CoreRole[]> {
  const roles = new Map<number, CoreRole[]>();
  const add = (cpu: number, role: CoreRole) => {
    const there = roles.get(cpu) ?? [];
    const known = there.some((other) =>
      other.role === role.role && other.vm === role.vm && other.vcpu === role.vcpu
    );
    if (!known) there.push(role);
    roles.set(cpu, there);
  };
  for (const vm of vms) {
    if (vm.state === "stopped" || vm.state === "failed") continue;
    for (const cpu of vm.plan.housekeeping) add(cpu, { role: "housekeeping" });
    for (const cpu of vm.plan.hypervisor) add(cpu, { role: "hypervisor", vm: vm.id });
    for (const cpu of vm.plan.sidecore) add(cpu, { role: "sidecore", vm: vm.id });
    for (const [vcpu, cpu] of vm.plan.guest.slice(0, vm.config.vcpus).entries()) {
      add(cpu, { role: "guest", vm: vm.id, vcpu });
    }
  }
  return roles;
}

/** See the head of this file. */
export class Activity {
  readonly #runtime: Runtime;
  readonly #now: () => number;
  readonly #hostLoad = new HostLoad();
  readonly #hypervisorLoad: HypervisorLoad;
  #times = new Map<string, Times>();
  #sums = new Map<number, Sums>();
  #at: number;
  #number = 0;

  /** @param now milliseconds since the epoch */
  constructor(runtime: Runtime, now: () => number) {
    this.#runtime = runtime;
    this.#hypervisorLoad = new HypervisorLoad(runtime);
    this.#now = now;
    this.#at = now();
  }

  /** Looks at everything; shares and rates are of the time since the last look. */
  look(): Snapshot {
    const now = this.#now();
    const spanMs = Math.max(1, now - this.#at);
    const { vms } = this.#runtime;
    const stats = new Map(vms.map((vm) => [vm, vm.stats()]));
    const cores = this.#cores(vms, stats, spanMs * NS_PER_MS);
    const machines = this.#machines(stats, spanMs / 1000);
    this.#at = now;
    return { number: ++this.#number, at: new Date(now).toISOString(), spanMs, cores, machines };
  }

  #machines(stats: ReadonlyMap<Vm, VmStats>, seconds: number): MachineActivity[] {
    const before = this.#sums;
    this.#sums = new Map();
    return [...stats].map(([vm, one]) => {
      const sums = sumsOf(one), last = before.get(vm.id) ?? NOTHING;
      this.#sums.set(vm.id, sums);
      const rate = (of: keyof Sums) => Math.max(0, Math.round((sums[of] - last[of]) / seconds));
      const { wildPorts, unmappedMemory, unknownCalls, lostInterrupts } = one;
      const exits: Record<string, number> = {};
      for (const vcpu of one.vcpus) {
        for (const [reason, count] of Object.entries(vcpu.exits)) {
          exits[reason] = (exits[reason] ?? 0) + count;
        }
      }
      return {
        id: vm.id,
        name: vm.config.name,
        state: vm.state,
        exits,
        exitsPerSecond: rate("exits"),
        requests: sums.requests,
        requestsPerSecond: rate("requests"),
        deviceRequestsPerSecond: rate("deviceRequests"),
        interruptsPerSecond: rate("interrupts"),
        framesPerSecond: rate("frames"),
        postedWaiting: sum(one.vcpus, (vcpu) => vcpu.postedWaiting),
        postedDepth: POSTED_DEPTH * one.vcpus.length,
        ringWaiting: sum(one.vcpus, (vcpu) => vcpu.ringWaiting),
        ringDepth: RING_DEPTH * one.vcpus.length,
        queues: one.queues,
        faults: { wildPorts, unmappedMemory, unknownCalls, lostInterrupts },
        residentBytes: Math.max(0, one.residentBytes),
      };
    });
  }

  #cores(vms: readonly Vm[], stats: ReadonlyMap<Vm, VmStats>, spanNs: number): CoreActivity[] {
    const before = this.#times;
    this.#times = new Map();
    const since = (key: string, times: Times): Times => {
      this.#times.set(key, times);
      const last = before.get(key) ?? { busy: 0, spin: 0 };
      return {
        busy: Math.max(0, times.busy - last.busy),
        spin: Math.max(0, times.spin - last.spin),
      };
    };
    const shares = new Map<number, Shares>();
    const add = (cpu: number, { busy, spin }: Shares) => {
      const there = shares.get(cpu) ?? { busy: 0, spin: 0 };
      shares.set(cpu, { busy: there.busy + busy, spin: there.spin + spin });
    };
    for (const vm of vms) {
      if (!isLiving(vm)) continue;
      for (const [i, vcpu] of stats.get(vm)!.vcpus.entries()) {
        // The thread's time on its processor holds the guest's and the waits for completions.
        const { busy: guest, spin } = since(`vcpu ${vm.id}.${i}`, {
          busy: vcpu.cpuNs,
          spin: vcpu.waitNs,
        });
        const waits = Math.min(spin, guest);
        const sameCore = vm.config.placement === "same-core";
        add(vm.plan.guest[i]!, {
          busy: (sameCore ? guest : guest - waits) / spanNs,
          spin: sameCore ? 0 : waits / spanNs,
        });
      }
    }
    for (const { core, ...shares } of this.#hypervisorLoad.look(stats)) add(core.cpu, shares);
    const { topology } = this.#runtime;
    const load = topology.simulated ? new Map<number, number>() : this.#hostLoad.read();
    const roles = rolesOf(vms);
    return usableCores(topology).map(({ cpu }) => {
      const hostBusy = rounded(load.get(cpu) ?? 0), own = shares.get(cpu);
      const busy = own ? rounded(own.busy) : hostBusy;
      const spin = own ? Math.min(rounded(own.spin), rounded(1 - busy)) : 0;
      return {
        cpu,
        roles: roles.get(cpu) ?? [],
        busy,
        spin,
        idle: rounded(1 - busy - spin),
        hostBusy,
      };
    });
  }
}
