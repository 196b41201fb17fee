/** A virtual machine as its owner holds it. */
import {
  COMMAND_PAUSE,
  COMMAND_RUN,
  COMMAND_STOP,
  HYPERCALL_PAGE_NOTIFICATION,
  STATE_STATE,
  STATE_THREAD,
  VCPU_BLOCK_STATE,
  VCPU_PAUSED,
  VCPU_STOPPED,
} from "../cores/abi.ts";
import { forgetThread, placeThread } from "../cores/affinity.ts";
import type { CorePlan, CorePlanInput } from "../cores/core_plan.ts";
import type { HypervisorCore } from "../cores/hypervisor_core.ts";
import type { PlanEffect } from "../cores/plan_effects.ts";
import type { RoleThreads } from "../cores/role_mover.ts";
import type { RoleMove } from "../cores/role_moves.ts";
import { check, type Stub } from "../cores/stub.ts";
import { runError } from "../errors.ts";
import { ConsoleStream } from "./console_stream.ts";
import { InputWriter } from "./devices/input_ring.ts";
import type { SettledConfig } from "./engine_config.ts";
import { step, type VmState } from "./lifecycle.ts";
import type { LastExit, MachineEnd } from "./machine_description.ts";
import { isPasst } from "./network/passt.ts";
import { VIRTUAL_KHZ } from "./machine_clock.ts";
import { TraceReader, type TraceRecord } from "./execution_trace.ts";
import { checkNotificationSwitch } from "./knobs.ts";
import { readLatency, type VmLatency } from "./latency.ts";
import { type Machine, notificationWord, pollingPolicy } from "./machine_setup.ts";
import { readStats, type VmStats } from "./vm_stats.ts";

/** How often the housekeeping core looks at a running machine's console, milliseconds. */
const PUMP_MS = 4;
/**
 * How many times a vCPU that was told something is looked at, a millisecond or more apart. They are
 * counted and not timed, for a host that keeps us from running keeps the vCPU from it as well.
 */
const OBEY_LOOKS = 2000;

/** How a machine ended. */
export interface VmEnd {
  /** Whether it ended in order. */
  readonly state: "stopped" | "failed";
  /** The guest's exit code, when it powered itself off. */
  readonly code?: number;
  /** Why it failed. */
  readonly reason?: string;
  /** The exit that ended a failed machine, when one did. */
  readonly lastExit?: LastExit;
}

/** A virtual clock, seen from outside. */
export interface VirtualClockState {
  /** Guest time since the start, that of the vCPU which is furthest ahead; modelled. */
  readonly guestNs: number;
  /** Hash over the trace so far, 16 hexadecimal digits; with `traceHash` only. */
  readonly traceHash?: string;
}

/** A role that has moved to other cores. */
export interface Move extends RoleMove {
  /**
   * How long the move kept the vCPU from its guest, nanoseconds: measured in the stub, from asking it to
   * come out until it went on; 0 when it had halted or waited anyway. Absent for other roles, which go
   * on all the time, and when the guest ended.
   */
  readonly pauseNs?: number;
}

/** What a machine asks of its runtime. */
export interface VmHost {
  readonly stub: Stub;
  readonly nsPerTick: number;
  /** The hypervisor cores that serve it, one for each worker that must know it. */
  acquireCores(vm: Vm): Promise<HypervisorCore[]>;
  releaseCores(vm: Vm, cores: HypervisorCore[]): void;
  /** Moves its roles to the cores of another plan. */
  replan(vm: Vm, plan: CorePlanInput): Promise<Move[]>;
  /** What another plan for it would bring with it; refuses one that cannot be now. */
  previewPlan(vm: Vm, plan: CorePlanInput): PlanEffect[];
  /** Checks every thread's affinity against the plans. */
  verifyPlacement(): void;
  /** The machine has given back everything. */
  forget(vm: Vm): void;
}

/** See the head of this file. Made by `createVm` or `Runtime.createVm`. */
export class Vm implements AsyncDisposable {
  /** Unique in its runtime. */
  readonly id: number;
  /** Settled once, when the machine has stopped or failed. */
  readonly ended: Promise<VmEnd>;
  readonly #host: VmHost;
  readonly #machine: Machine;
  #config: SettledConfig;
  readonly #console: ConsoleStream;
  readonly #input: InputWriter;
  readonly #resolveEnd: (end: VmEnd) => void;
  #state: VmState = "created";
  #plan: CorePlan;
  #cores: HypervisorCore[] = [];
  #starting: Promise<void> | undefined;
  #pump: ReturnType<typeof setInterval> | undefined;
  #finishing: Promise<void> | undefined;
  #end: VmEnd | undefined;
  #released = false;
  #companion: AsyncDisposable | undefined;
  #lastStats: VmStats | undefined;
  #lastLatency: VmLatency | undefined;
  #lastClock: VirtualClockState | undefined;

  /** Made by a runtime. */
  constructor(host: VmHost, id: number, config: SettledConfig, plan: CorePlan, machine: Machine) {
    this.#host = host;
    this.id = id;
    this.#config = config;
    this.#plan = plan;
    this.#machine = machine;
    this.#console = new ConsoleStream(machine.description.console);
    this.#input = new InputWriter(machine.description.input);
    const { promise, resolve } = Promise.withResolvers<VmEnd>();
    this.ended = promise;
    this.#resolveEnd = resolve;
  }

  /** Its configuration as it is now, with every default filled in and the engine that runs it. */
  get config(): SettledConfig {
    return this.#config;
  }

  /** Where it is in its life. */
  get state(): VmState {
    return this.#state;
  }

  /** How it ended, undefined before. */
  get end(): VmEnd | undefined {
    return this.#end;
  }

  /** The cores that it uses now. */
  get plan(): CorePlan {
    return this.#plan;
  }

  /**
   * Moves its vCPUs, the hypervisor core that serves it, and housekeeping to the cores of another plan,
   * one after the other, while its guest runs. Other machines that the same hypervisor core serves
   * follow it.
   *
   * @returns what moved, in this order
   * @throws SplitXError `plan-impossible` with the reason, and `bad-state` when it has ended: nothing
   * has moved then
   */
  move(plan: CorePlanInput): Promise<Move[]> {
    return this.#host.replan(this, plan);
  }

  /**
   * Holds another plan against everything that {@link move} would, and moves nothing.
   *
   * @returns what the plan would bring with it
   * @throws SplitXError as `move` does
   */
  previewMove(plan: CorePlanInput): PlanEffect[] {
    return this.#host.previewPlan(this, plan);
  }

  /**
   * Switches how its guest tells the hypervisor of requests: a hypercall by the next one, device queues
   * at once. Its guest need not run.
   *
   * @throws SplitXError `knob-fixed` with the reason when the machine has one way only, `bad-state` when
   * it has ended
   */
  async notifyBy(notification: SettledConfig["notification"]): Promise<void> {
    checkNotificationSwitch(this.#config);
    await this.whenStarted();
    if (this.#finishing) throw runError("bad-state", `a ${this.#state} machine has no knobs`);
    this.#config = { ...this.#config, notification };
    for (const page of this.#machine.pages) {
      Atomics.store(page, HYPERCALL_PAGE_NOTIFICATION, notificationWord(this.#config));
    }
    if (this.#config.placement === "same-core") return;
    const policy = pollingPolicy(this.#config);
    for (const core of this.#cores) {
      await core.exchange({ type: "polling", machine: this.id, policy });
    }
  }

  /** Settled when it does not start any more. */
  async whenStarted(): Promise<void> {
    await this.#starting?.catch(() => {});
  }

  /** Told by the runtime: its roles have these cores now. */
  replanned(plan: CorePlan): void {
    this.#plan = plan;
  }

  /** Processes that serve it beside this one, where housekeeping may run. */
  get processes(): readonly number[] {
    return this.#machine.processes.filter(isPasst);
  }

  /** The threads behind its roles; it has started. */
  roleThreads(): RoleThreads {
    const { vcpus } = this.#machine.description;
    const blocks = this.#machine.blocks;
    if (this.config.placement === "same-core") {
      return { vcpus: this.#cores.map((core, i) => ({ handle: vcpus[i]!.handle, thread: core })) };
    }
    const threadOf = (block: Int32Array) => Atomics.load(block, VCPU_BLOCK_STATE + STATE_THREAD);
    return {
      hypervisor: this.#cores[0]!,
      vcpus: vcpus.map(({ handle }, i) => ({ handle, thread: threadOf(blocks[i]!) })),
    };
  }

  /** The guest's console. Like a pipe: a guest that nobody reads waits when it is full. */
  get console(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#console.stream;
  }

  /** Everything the console says until the machine ends, as text. */
  async output(): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const bytes of this.console) text += decoder.decode(bytes, { stream: true });
    return text + decoder.decode();
  }

  /** Types bytes on its serial line; waits while the guest does not take them. */
  async type(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      if (this.#state !== "running" && this.#state !== "paused") return;
      done += this.#input.write(bytes.subarray(done));
      this.#wakeCores();
      if (done < bytes.length) await new Promise((resolve) => setTimeout(resolve, PUMP_MS));
    }
  }

  /** Tells a virtio console the size of the terminal that shows it. */
  resize(columns: number, rows: number): void {
    this.#input.resize(columns, rows);
    this.#wakeCores();
  }

  /** Nanoseconds in a tick of the TSC that its guest reads. */
  get nsPerGuestTick(): number {
    return this.config.clock === "virtual" ? 1e6 / VIRTUAL_KHZ : this.#host.nsPerTick;
  }

  /**
   * What a virtual clock has come to; undefined when time is the host's. With `traceHash`, two runs that
   * give the same hash have done the same, and it begins with the seed.
   */
  get virtualClock(): VirtualClockState | undefined {
    if (this.config.clock === "host") return undefined;
    return this.#lastClock ?? this.#readClock();
  }

  #readClock(): VirtualClockState {
    const words = new BigUint64Array(2);
    const bytes = new Uint8Array(words.buffer);
    const { stub } = this.#host;
    check(stub, stub.sx_vm_clock_state(this.#machine.description.vm, bytes, bytes.length));
    return {
      guestNs: Number(words[0]!) * this.nsPerGuestTick,
      ...(this.config.traceHash ? { traceHash: words[1]!.toString(16).padStart(16, "0") } : {}),
    };
  }

  /**
   * What a machine with `trace` in its configuration executes, in the order of execution. The guest waits
   * while nobody reads.
   */
  async *trace(): AsyncGenerator<TraceRecord> {
    const { stub } = this.#host;
    const reader = new TraceReader(stub, this.#machine.description.vm);
    while (!this.#released) {
      const ended = this.#state === "stopped" || this.#state === "failed";
      const records = reader.read();
      yield* records;
      if (records.length > 0) continue;
      if (ended) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Counters since the start. */
  stats(): VmStats {
    return this.#lastStats ??
      readStats(
        this.#host.stub,
        this.#machine,
        this.#host.nsPerTick,
      );
  }

  /** How long its exits and calls took since the start; in the host's time on any clock. */
  latency(): VmLatency {
    return this.#lastLatency ?? readLatency(this.#machine, this.#host.nsPerTick);
  }

  /**
   * Runs the guest.
   *
   * @throws SplitXError `bad-state` when it was started before
   */
  async start(): Promise<void> {
    this.#state = step(this.#state, "running");
    try {
      await (this.#starting = this.#run());
    } catch (error) {
      await this.#finish({ state: "failed", reason: (error as Error).message });
      throw error;
    }
  }

  /** Has cores serve it and its vCPUs run; those of a machine that was stopped meanwhile end at once. */
  async #run(): Promise<void> {
    const { stub } = this.#host;
    this.#cores = await this.#host.acquireCores(this);
    this.#pump = setInterval(() => this.#pumpLines(), PUMP_MS);
    for (const [i, core] of this.#cores.entries()) {
      const sameCore = this.config.placement === "same-core";
      await core.exchange({
        type: "attach",
        machine: { ...this.#machine.description, polling: pollingPolicy(this.#config) },
        ...(sameCore ? { sameCoreVcpu: i } : {}),
      });
    }
    if (this.config.placement === "split") {
      for (const [i, vcpu] of this.#machine.description.vcpus.entries()) {
        check(stub, stub.sx_vcpu_start(vcpu.handle, this.plan.guest[i]!, this.#cores[0]!.handle));
        placeThread(this.stats().vcpus[i]!.thread, this.plan.guest[i]!);
      }
    }
    this.#host.verifyPlacement();
    for (const port of this.#machine.ports) port.serve(() => this.#wakeCores());
  }

  /** Halts every vCPU where it is. One that ended the machine by itself meanwhile has halted too. */
  async pause(): Promise<void> {
    this.#state = step(this.#state, "paused");
    this.#command(COMMAND_PAUSE);
    await this.#until((state) =>
      state === VCPU_PAUSED || state === VCPU_STOPPED || this.#finishing !== undefined
    );
  }

  /** Goes on after a pause. */
  resume(): void {
    this.#state = step(this.#state, "running");
    this.#command(COMMAND_RUN);
  }

  /** Ends the machine, whatever its guest does. Stopping what has ended is no error. */
  async stop(): Promise<void> {
    await this.#finish({ state: "stopped" });
  }

  /** Disposes of something else once this machine has been disposed of. */
  takeAlong(companion: AsyncDisposable): void {
    this.#companion = companion;
  }

  /** Whether this core serves it. */
  isServedBy(core: HypervisorCore): boolean {
    return this.#cores.includes(core);
  }

  /** Told by the core that serves it. */
  async machineEnded(end: MachineEnd): Promise<void> {
    await this.#finish(
      end.kind === "powered-off" ? { state: "stopped", code: end.code } : {
        state: "failed",
        reason: end.reason,
        ...(end.lastExit ? { lastExit: end.lastExit } : {}),
      },
    );
  }

  /** Told by the runtime when a core that serves it has died. */
  async coreDied(reason: string): Promise<void> {
    await this.#finish({ state: "failed", reason: `its hypervisor core died: ${reason}` });
  }

  /** Stops it and gives back cores, memory, threads and files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (this.#released) return;
    this.#released = true;
    this.#machine.release();
    this.#host.forget(this);
    await this.#companion?.[Symbol.asyncDispose]();
  }

  /** The one way to an end, taken once. */
  #finish(end: VmEnd): Promise<void> {
    return this.#finishing ??= (async () => {
      this.#state = step(this.#state, end.state);
      this.#command(COMMAND_STOP);
      await this.#starting?.catch(() => {});
      if (this.config.placement === "split") {
        await this.#until((state) => state === VCPU_STOPPED);
        for (const { thread } of this.stats().vcpus) if (thread !== 0) forgetThread(thread);
      }
      for (const core of this.#cores) {
        if (core.dead) continue;
        await core.exchange({ type: "detach", machine: this.id }).catch(() => {});
      }
      clearInterval(this.#pump);
      await Promise.all(this.#machine.ports.map((port) => port.drain()));
      for (const port of this.#machine.ports) port.close();
      this.#console.close();
      this.#lastStats = this.stats();
      this.#lastLatency = this.latency();
      this.#lastClock = this.virtualClock;
      this.#host.releaseCores(this, this.#cores);
      this.#end = end;
      this.#resolveEnd(end);
    })();
  }

  #pumpLines(): void {
    this.#console.pump();
    for (const port of this.#machine.ports) port.pump();
  }

  #wakeCores(): void {
    for (const core of this.#cores) this.#host.stub.sx_core_wake(core.handle);
  }

  #command(command: number): void {
    const { stub } = this.#host;
    for (const vcpu of this.#machine.description.vcpus) {
      check(stub, stub.sx_vcpu_command(vcpu.handle, command));
    }
  }

  /** Waits until every started vCPU's state satisfies `holds`. */
  async #until(holds: (state: number) => boolean): Promise<void> {
    let looks = 0;
    for (const block of this.#machine.blocks) {
      const state = (word: number) => Atomics.load(block, VCPU_BLOCK_STATE + word);
      while (state(STATE_THREAD) !== 0 && !holds(state(STATE_STATE))) {
        if (++looks > OBEY_LOOKS) {
          throw runError("vcpu-stuck", `a vCPU of ${this.config.name} does not obey`);
        }
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  }
}
