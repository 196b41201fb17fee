/** The runtime: the stub, the host's cores, the engine, and the machines that run on them. */
import { buildGuests } from "../build/guests.ts";
import { buildStub, type Progress } from "../build/stub.ts";
import { ABI_VERSION } from "../cores/abi.ts";
import { confineHousekeeping, misplacedThreads } from "../cores/affinity.ts";
import {
  checkPlan,
  type CorePlan,
  type CorePlanInput,
  corePlanSchema,
  type CoresInUse,
  planCores,
  type PlanRequest,
  type ServingCore,
  servingCore,
} from "../cores/core_plan.ts";
import { chooseEngine, type EngineChoice, type EngineProbe, probeEngine } from "../cores/engine.ts";
import { HypervisorCore } from "../cores/hypervisor_core.ts";
import { type PlanEffect, planEffects } from "../cores/plan_effects.ts";
import { moveRoles, pauseOf } from "../cores/role_mover.ts";
import { moveSteps, rolePlaces } from "../cores/role_moves.ts";
import { openStub, type Stub } from "../cores/stub.ts";
import { readTopology, type Topology, usableCores } from "../cores/topology.ts";
import { runError, usageError } from "../errors.ts";
import { AdaptiveRoles } from "./adaptive_roles.ts";
import { parseWith, type VmConfig, type VmConfigInput, vmConfigSchema } from "./config.ts";
import { bundledGuests, readGuestFiles } from "./guest_image.ts";
import { exitsToDisable } from "./idling.ts";
import { settleConfig, type SettledConfig } from "./engine_config.ts";
import type { EndedEvent } from "./machine_description.ts";
import { macOf } from "./network/mac.ts";
import { Memberships } from "./network/memberships.ts";
import { checkNeighbours, type Neighbour } from "./network/neighbours.ts";
import { parseNetwork } from "./network/network_name.ts";
import { setUpMachine } from "./machine_setup.ts";
import { type Planned, replanned } from "./replanning.ts";
import { type Move, Vm, type VmHost } from "./vm.ts";

/** How a runtime is opened. */
export interface RuntimeOptions {
  /** Told what is built, a line at a time. */
  readonly progress?: Progress;
  /** How long a hypervisor core spins without work before it sleeps, nanoseconds. */
  readonly spinNs?: number;
  /** The module of the hypervisor cores' workers. */
  readonly workerModule?: URL;
  /** Plan for this host instead of the one at hand; a simulated one runs no machines. */
  readonly topology?: Topology;
}

const SPIN_NS = 1_000_000;
/** A guest in software takes longer from one request to the next. */
const SPIN_NS_SOFT = 50_000_000;
/** Who spins keeps another hypervisor core of the same host core from running. */
const SPIN_NS_SHARED = 100_000;
const TSC_WINDOW_MS = 5;
const WORKER = new URL("./hypervisor_worker.ts", import.meta.url);

/** What a machine with this configuration asks of a plan. */
function requestOf({ vcpus, placement, overcommit }: VmConfig): PlanRequest {
  return { vcpus, placement, overcommit };
}

/** The cores that machines use. */
function coresOf(vms: readonly Vm[]): CoresInUse {
  return {
    hypervisor: vms.flatMap((vm) => vm.plan.hypervisor),
    guest: vms.flatMap((vm) => vm.plan.guest.slice(0, vm.config.vcpus)),
  };
}

/** The name of a network that is a switch. */
function switchName(text: string): string | undefined {
  const network = parseNetwork(text);
  return network?.kind === "switch" ? network.name : undefined;
}

/** See the head of this file. */
export class Runtime implements AsyncDisposable {
  /** The host's cores. */
  readonly topology: Topology;
  /** What the engine probe measured. */
  readonly probe: EngineProbe;
  /** The native stub's functions. */
  readonly stub: Stub;
  /** TSC ticks in a millisecond. */
  readonly tscKhz: number;
  /** Has more or fewer host cores poll, once it is switched on. */
  readonly adaptive: AdaptiveRoles;
  readonly #stubPath: string;
  readonly #guestFolder: string;
  readonly #spinNs: number;
  readonly #workerModule: URL;
  readonly #allowed: readonly number[];
  readonly #vms = new Map<number, Vm>();
  /** Cores that poll, by what {@link servingCore} calls them. */
  readonly #hypervisors = new Map<string, Promise<HypervisorCore>>();
  /** Which of them serves a machine, by the machine's number. */
  readonly #serving = new Map<number, string>();
  /** Workers of same-core machines that have ended: the next machine finds their code compiled. */
  readonly #spareWorkers = new Set<HypervisorCore>();
  readonly #workers = new Set<HypervisorCore>();
  readonly #memberships = new Memberships();
  /** Where housekeeping threads may run. */
  #housekeeping: readonly number[];
  /** Moves are made one after the other. */
  #moving: Promise<unknown> = Promise.resolve();
  #nextId = 1;

  private constructor(stubPath: string, guestFolder: string, options: RuntimeOptions) {
    this.#stubPath = stubPath;
    this.#guestFolder = guestFolder;
    this.#workerModule = options.workerModule ?? WORKER;
    const host = readTopology();
    this.topology = options.topology ?? host;
    this.#allowed = usableCores(host).map((core) => core.cpu);
    this.#housekeeping = this.#allowed;
    this.stub = openStub(stubPath);
    const version = this.stub.sx_abi_version();
    if (version !== ABI_VERSION) {
      throw runError("abi-drift", `the stub speaks ABI ${version}, this program ${ABI_VERSION}`);
    }
    this.probe = probeEngine(this.stub);
    this.#spinNs = options.spinNs ?? (this.probe.native === "none" ? SPIN_NS_SOFT : SPIN_NS);
    this.tscKhz = this.stub.sx_tsc_khz(TSC_WINDOW_MS);
    this.adaptive = new AdaptiveRoles(this);
  }

  /**
   * Builds what the cache lacks and probes the engine.
   *
   * @throws SplitXError `no-cc` when something must be built and cannot
   */
  static async open(options: RuntimeOptions = {}): Promise<Runtime> {
    const progress = options.progress ?? (() => {});
    const stubPath = await buildStub(progress);
    const guestFolder = await buildGuests(progress);
    return new Runtime(stubPath, guestFolder, options);
  }

  /** Nanoseconds in a TSC tick. */
  get nsPerTick(): number {
    return 1e6 / this.tscKhz;
  }

  /**
   * The engine that a machine would get here and why.
   *
   * @throws SplitXError `no-engine` when the one that it asks for cannot run it
   */
  engineFor(
    { machine, engine, clock }: Pick<VmConfig, "machine" | "engine"> & Partial<VmConfig>,
  ): EngineChoice {
    if (clock === "virtual" && engine === "auto") {
      return { engine: "soft", why: "its clock is virtual" };
    }
    return chooseEngine(this.probe, machine === "micro" ? "ring-3" : "every ring", engine);
  }

  /** The exits that a machine is spared: a KVM_X86_DISABLE_EXITS mask. */
  disabledExits(config: SettledConfig, plan: CorePlan): number {
    return exitsToDisable(config, plan, this.probe.disableExits);
  }

  /** The hypervisor cores that run now. */
  get hypervisorCores(): readonly HypervisorCore[] {
    return [...this.#workers];
  }

  /** Every machine that has not been disposed of, the oldest first. */
  get vms(): readonly Vm[] {
    return [...this.#vms.values()];
  }

  /** Names of the bundled guests. */
  get guestNames(): string[] {
    return bundledGuests(this.#guestFolder);
  }

  /** The machines that run or will. */
  get #living(): readonly Vm[] {
    return [...this.#vms.values()].filter((vm) => vm.state !== "stopped" && vm.state !== "failed");
  }

  /** Machines that run or will, as plans are made of them. */
  planned(): Planned[] {
    return this.#living.map((vm) => this.#planned(vm));
  }

  #planned({ id, config, plan }: Vm): Planned {
    const core = this.#serving.get(id);
    return {
      id,
      name: config.name,
      request: requestOf(config),
      plan,
      ...(core === undefined ? {} : { core }),
    };
  }

  #neighbour(id: number, { name, network, mac }: VmConfig): Neighbour {
    return { name, network: network && switchName(network), mac: macOf(id, mac) };
  }

  /** The plan that a machine would get now, when it brings none. */
  planFor(request: PlanRequest & { readonly plan?: CorePlan | undefined }): CorePlan {
    const inUse = coresOf(this.#living);
    const plan = request.plan ?? planCores(this.topology, request, inUse);
    checkPlan(plan, this.topology, request, inUse);
    return plan;
  }

  /** What the plan of a machine to come would bring with it. */
  effectsOf(request: PlanRequest, plan: CorePlan): PlanEffect[] {
    return planEffects(this.topology, request, plan, { inUse: coresOf(this.#living) });
  }

  /**
   * Makes a machine; it does not run yet.
   *
   * @param input its configuration
   * @throws SplitXError when the configuration is wrong or the host has no engine
   */
  createVm(input: VmConfigInput): Vm {
    const given = parseWith(vmConfigSchema, input, "machine configuration");
    if (this.topology.simulated) {
      throw usageError(
        "simulated-topology",
        "the topology is simulated: machines can be planned on it, but not made",
      );
    }
    const plan = this.planFor(given);
    using files = readGuestFiles(this.stub, given, this.#guestFolder);
    const config = settleConfig(given, this.engineFor(given).engine);
    const id = this.#nextId++;
    const others = this.#living.map((vm) => this.#neighbour(vm.id, vm.config));
    checkNeighbours(this.#neighbour(id, config), others);
    // A process that the machine gets beside it inherits where it may run.
    if (config.network === "user") this.#confine(plan.housekeeping);
    const machine = setUpMachine(this.stub, id, config, files, {
      tscKhz: this.tscKhz,
      disabledExits: this.disabledExits(config, plan),
    });
    const vm = new Vm(this.#host, id, config, plan, machine);
    this.#vms.set(id, vm);
    return vm;
  }

  /** Stops every machine and every core, and lets this process run where it could before. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.adaptive[Symbol.asyncDispose]();
    for (const vm of [...this.#vms.values()]) await vm[Symbol.asyncDispose]();
    for (const core of [...this.#workers]) await core.stop();
    this.#workers.clear();
    this.#hypervisors.clear();
    this.#spareWorkers.clear();
    confineHousekeeping(this.stub, this.#allowed);
  }

  readonly #host: VmHost = this.#createHost();

  #createHost(): VmHost {
    // deno-lint-ignore no-this-alias
    const runtime = this;
    return {
      get stub() {
        return runtime.stub;
      },
      get nsPerTick() {
        return runtime.nsPerTick;
      },
      acquireCores: (vm) => this.#acquireCores(vm),
      releaseCores: (vm, cores) => {
        this.#memberships.leave(vm.id);
        this.#serving.delete(vm.id);
        if (vm.config.placement !== "same-core") return;
        for (const core of cores) if (!core.dead) this.#spareWorkers.add(core);
      },
      replan: (vm, plan) => this.#replan(vm, plan),
      previewPlan: (vm, plan) =>
        this.#effectsOfMove(vm, parseWith(corePlanSchema, plan, "core plan")),
      verifyPlacement: () => this.#verifyPlacement(),
      forget: (vm) => void this.#vms.delete(vm.id),
    };
  }

  #confine(housekeeping: readonly number[]): void {
    confineHousekeeping(this.stub, housekeeping);
    this.#housekeeping = housekeeping;
  }

  #replan(vm: Vm, input: CorePlanInput): Promise<Move[]> {
    const move = async () => {
      const plan = parseWith(corePlanSchema, input, "core plan");
      await vm.whenStarted();
      return await this.#move(vm, plan);
    };
    const moves = this.#moving.then(move);
    this.#moving = moves.catch(() => {});
    return moves;
  }

  /** The plans of all machines that live once this one has another. */
  #plansAfter(vm: Vm, plan: CorePlan): Map<number, CorePlan> {
    if (!this.#living.includes(vm)) {
      throw runError("bad-state", `a ${vm.state} machine cannot be moved`);
    }
    const others = this.#living.filter((other) => other !== vm);
    if (vm.state !== "created") {
      const beside = others.map((other) => this.#planned(other));
      return replanned(this.topology, this.#planned(vm), plan, beside);
    }
    checkPlan(plan, this.topology, requestOf(vm.config), coresOf(others));
    return new Map([...others.map((other) => [other.id, other.plan] as const), [vm.id, plan]]);
  }

  #effectsOfMove(vm: Vm, plan: CorePlan): PlanEffect[] {
    const plans = this.#plansAfter(vm, plan);
    const others = this.#living.filter((other) => other !== vm);
    const core = this.#serving.get(vm.id), served = servingCore(plan, vm.id, vm.config)?.cpu;
    const together = ({ id }: Vm) => core !== undefined && this.#serving.get(id) === core;
    const cpuOf = (one: Vm) => servingCore(plans.get(one.id)!, one.id, one.config)?.cpu;
    const moves = served !== servingCore(vm.plan, vm.id, vm.config)?.cpu;
    const names = (vms: readonly Vm[]) => vms.map(({ config }) => config.name);
    return planEffects(this.topology, requestOf(vm.config), plan, {
      ...(vm.state === "created" ? {} : { before: vm.plan }),
      ...(served === undefined ? {} : { served }),
      inUse: coresOf(others),
      followers: moves ? names(others.filter(together)) : [],
      beside: core === undefined
        ? []
        : names(others.filter((other) => !together(other) && cpuOf(other) === served)),
    });
  }

  /** Nobody else gets a word in until every role has moved. */
  async #move(vm: Vm, plan: CorePlan): Promise<Move[]> {
    const plans = this.#plansAfter(vm, plan);
    if (vm.state === "created") {
      vm.replanned(plan);
      return [];
    }
    const others = this.#living.filter((other) => other !== vm);
    const { vcpus } = vm.config;
    const from = servingCore(vm.plan, vm.id, vm.config);
    const to = servingCore(plan, vm.id, vm.config);
    const before = { ...rolePlaces(vm.plan, vcpus, from?.cpu), housekeeping: this.#housekeeping };
    const steps = moveSteps(before, rolePlaces(plan, vcpus, to?.cpu), vm.config);
    const threads = vm.roleThreads();
    const processes = [vm, ...others].flatMap((one) => one.processes);
    moveRoles(this.stub, steps, threads, processes);
    this.#housekeeping = plan.housekeeping;
    for (const one of [vm, ...others]) one.replanned(plans.get(one.id)!);
    const idle = to && from?.cpu !== to.cpu ? this.#moveHypervisor(vm, to) : undefined;
    this.#verifyPlacement();
    await idle?.then((core) => core.stop());
    await this.#settleSpinning();
    const moves: Move[] = [];
    for (const step of steps) {
      if ("hold" in step) continue;
      const vcpu = step.vcpu === undefined ? undefined : threads.vcpus[step.vcpu]!;
      const ticks = vcpu && await pauseOf(this.stub, vcpu);
      moves.push(ticks === undefined ? step : { ...step, pauseNs: ticks * this.nsPerTick });
    }
    return moves;
  }

  /**
   * The core that serves a machine polls elsewhere now, beside those that serve others there. One that
   * serves nobody has to go.
   */
  #moveHypervisor(vm: Vm, to: ServingCore): Promise<HypervisorCore> | undefined {
    const from = this.#serving.get(vm.id)!;
    const taken = new Set(this.#serving.values());
    let { key } = to;
    for (let n = 0; taken.has(key); n++) key = `${to.cpu}.${n}`;
    const idle = this.#hypervisors.get(key);
    this.#hypervisors.set(key, this.#hypervisors.get(from)!);
    this.#hypervisors.delete(from);
    for (const [id, core] of this.#serving) if (core === from) this.#serving.set(id, key);
    void idle?.then((core) => this.#workers.delete(core));
    return idle;
  }

  /** Who spins long keeps another hypervisor core of the same host core from running. */
  async #settleSpinning(): Promise<void> {
    const started = await Promise.allSettled(this.#hypervisors.values());
    const cores = started.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
    const shared = ({ cpu }: HypervisorCore) => cores.filter((core) => core.cpu === cpu).length > 1;
    await Promise.all(cores.map(async (core) => {
      // One that has died tells its machines by itself.
      await core.spinFor(
        shared(core) ? Math.min(this.#spinNs, SPIN_NS_SHARED) : this.#spinNs,
      ).catch(() => {});
    }));
  }

  async #acquireCores(vm: Vm): Promise<HypervisorCore[]> {
    this.#confine(vm.plan.housekeeping);
    if (vm.config.placement === "same-core") {
      return await Promise.all(
        vm.plan.guest.slice(0, vm.config.vcpus).map((cpu) => this.#sameCoreWorker(cpu)),
      );
    }
    const serving = servingCore(vm.plan, vm.id, vm.config)!;
    this.#serving.set(vm.id, serving.key);
    const core = await this.#pollingCore(serving);
    await this.#settleSpinning();
    const { network, mac } = this.#neighbour(vm.id, vm.config);
    if (network !== undefined) this.#memberships.enter(network, vm.id, mac, core);
    return [core];
  }

  #pollingCore({ cpu, key }: ServingCore): Promise<HypervisorCore> {
    const there = this.#hypervisors.get(key);
    if (there) return there;
    const core = this.#startCore(cpu, () => {
      for (const [key, one] of this.#hypervisors) if (one === core) this.#hypervisors.delete(key);
    });
    this.#hypervisors.set(key, core);
    return core;
  }

  #sameCoreWorker(cpu: number): HypervisorCore | Promise<HypervisorCore> {
    for (const core of this.#spareWorkers) {
      if (core.cpu !== cpu) continue;
      this.#spareWorkers.delete(core);
      return core;
    }
    return this.#startCore(cpu);
  }

  /** @param died called when it does */
  async #startCore(cpu: number, died: () => void = () => {}): Promise<HypervisorCore> {
    const core: HypervisorCore = await HypervisorCore.start({
      stub: this.stub,
      stubPath: this.#stubPath,
      cpu,
      module: this.#workerModule,
      spinNs: this.#spinNs,
      ticksPerNs: this.tscKhz / 1e6,
      onEvent: (event) => this.#receive(event as EndedEvent),
      onDeath: (reason) => {
        died();
        this.#coreDied(core, reason);
      },
    });
    this.#workers.add(core);
    return core;
  }

  #receive(event: EndedEvent): void {
    this.#vms.get(event.machine)?.machineEnded(event.end);
  }

  /** Every machine that the core served fails; the next one gets a new core. */
  #coreDied(core: HypervisorCore, reason: string): void {
    this.#workers.delete(core);
    this.#spareWorkers.delete(core);
    for (const vm of this.#vms.values()) {
      if (vm.isServedBy(core)) vm.coreDied(reason);
    }
  }

  /** Holds every thread's affinity against the plans of the machines that run. */
  #verifyPlacement(): void {
    const running = [...this.#vms.values()].filter((vm) => vm.state === "running");
    const guestCores = running.filter((vm) => vm.config.placement === "split")
      .flatMap((vm) => vm.plan.guest.slice(0, vm.config.vcpus));
    const misplaced = misplacedThreads(new Set(guestCores));
    if (misplaced.length > 0) throw runError("misplaced-thread", misplaced.join("; "));
  }
}
