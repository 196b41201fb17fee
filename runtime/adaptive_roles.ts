/**
 * Adaptive roles: looks at how busy the hypervisor cores are, asks the controller whether one host core
 * more or less should poll, and moves machines accordingly. Off until it is told otherwise; what it
 * decided and what came of that stands in a log.
 */
import { z } from "zod";
import type { CorePlan } from "../cores/core_plan.ts";
import { ROLE_CONTROLLER_DEFAULTS, RoleController } from "../cores/role_controller.ts";
import type { Topology } from "../cores/topology.ts";
import { SplitXError, usageError } from "../errors.ts";
import { parseWith } from "./config.ts";
import { HypervisorLoad, type PollingCores } from "./hypervisor_load.ts";
import type { Planned } from "./replanning.ts";
import {
  planAddition,
  planRemoval,
  type PollingCore,
  pollingCores,
  type RolePlan,
} from "./role_planning.ts";
import type { Move, Vm } from "./vm.ts";

/** Milliseconds from one look to the next. */
const LOOK_MS = 500;
/** Decisions that are kept. */
const LOG_LENGTH = 100;

const share = z.number().min(0).max(1);
const { addAbove, removeBelow, looks, least } = ROLE_CONTROLLER_DEFAULTS;

/** Whether it acts, and when; see `RoleControllerOptions`. */
export const adaptiveSettingsSchema = z.strictObject({
  enabled: z.boolean(),
  /** Mean busy share above which one more host core polls. */
  addAbove: share.default(addAbove),
  /** Mean busy share of those that would remain, below which one less does; less than `addAbove`. */
  removeBelow: share.default(removeBelow),
  /** Looks in a row that must agree, two a second. */
  looks: z.int().min(1).max(1000).default(looks),
  /** Host cores that poll, at least. */
  least: z.int().min(1).max(1024).default(least),
  /** Host cores that poll, at most; any number when absent. */
  most: z.int().min(1).max(1024).optional(),
});

/** Settings as they are written down. */
export type AdaptiveSettingsInput = z.input<typeof adaptiveSettingsSchema>;
/** Settings with every default filled in. */
export type AdaptiveSettings = z.output<typeof adaptiveSettingsSchema>;

/** What a decision moved. */
export interface AdaptiveMove extends Move {
  /** Number of the machine. */
  readonly vm: number;
  /** Its name. */
  readonly name: string;
}

/** A decision, and what came of it. */
export interface AdaptiveDecision {
  /** ISO 8601, UTC: when it was taken last. */
  readonly at: string;
  /** One host core more that polls, or one less. */
  readonly action: "add" | "remove";
  /** For people, one line. */
  readonly why: string;
  /** What moved, in this order. */
  readonly moves: readonly AdaptiveMove[];
  /** Why it could not be, or not as a whole. */
  readonly refused?: string;
  /** How often in a row it was taken and refused for the same reason. */
  readonly times: number;
}

/** What {@link AdaptiveRoles} knows. */
export interface AdaptiveState {
  /** What it was told. */
  readonly settings: AdaptiveSettings;
  /** The host cores that poll, as the last look saw them; empty while it is off. */
  readonly cores: readonly PollingCore[];
  /** What the last look came to, one line. */
  readonly last: string;
  /** The latest first; the oldest are forgotten. */
  readonly decisions: readonly AdaptiveDecision[];
}

/** What it acts on. */
export interface AdaptiveHost extends PollingCores {
  readonly topology: Topology;
  readonly vms: readonly Vm[];
  /** Machines that run or will, with the hypervisor cores that serve them. */
  planned(): Planned[];
}

/** See the head of this file. */
export class AdaptiveRoles implements AsyncDisposable {
  readonly #host: AdaptiveHost;
  readonly #decisions: AdaptiveDecision[] = [];
  #settings = adaptiveSettingsSchema.parse({ enabled: false });
  #controller = new RoleController();
  #load: HypervisorLoad;
  #timer: ReturnType<typeof setInterval> | undefined;
  #looking: Promise<void> | undefined;
  #cores: readonly PollingCore[] = [];
  #last = "it is off";

  /** Made by a runtime. */
  constructor(host: AdaptiveHost) {
    this.#host = host;
    this.#load = new HypervisorLoad(host);
  }

  /** What it is told, sees and did. */
  get state(): AdaptiveState {
    return {
      settings: this.#settings,
      cores: this.#cores,
      last: this.#last,
      decisions: this.#decisions,
    };
  }

  /**
   * Switches it on or off; looks that agreed before do not count any more.
   *
   * @throws SplitXError `bad-config` when the settings are wrong
   */
  configure(input: AdaptiveSettingsInput): void {
    const settings = parseWith(adaptiveSettingsSchema, input, "adaptive roles");
    const { enabled, most, ...options } = settings;
    try {
      this.#controller = new RoleController({ ...options, ...(most ? { most } : {}) });
    } catch (error) {
      throw usageError("bad-config", `adaptive roles: ${(error as Error).message}`);
    }
    this.#settings = settings;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#cores = [];
    this.#last = enabled ? "it has not looked yet" : "it is off";
    if (!enabled) return;
    this.#load = new HypervisorLoad(this.#host);
    this.#load.look(this.#stats());
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  /** Looks once, and acts; a look that is under way is the one. Never rejects. */
  look(): Promise<void> {
    return this.#looking ??= this.#look().finally(() => this.#looking = undefined);
  }

  /** Ends what it does. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  #stats() {
    return new Map(this.#host.vms.map((vm) => [vm, vm.stats()]));
  }

  /** What each hypervisor core spends serving, by what the plans call it. */
  #loads(machines: readonly Planned[]): Map<string, number> {
    const loads = new Map<string, number>();
    const { vms } = this.#host;
    for (const { core, busy } of this.#load.look(this.#stats())) {
      const served = new Set(vms.filter((vm) => vm.isServedBy(core)).map((vm) => vm.id));
      const name = machines.find((machine) => machine.core && served.has(machine.id))?.core;
      if (name !== undefined) loads.set(name, busy);
    }
    return loads;
  }

  async #look(): Promise<void> {
    let decision: { action: "add" | "remove"; why: string } | undefined;
    const moves: AdaptiveMove[] = [];
    try {
      const machines = this.#host.planned();
      const loads = this.#loads(machines), cores = pollingCores(machines, loads);
      this.#cores = cores;
      if (cores.length === 0) {
        this.#last = "no machine has a hypervisor core";
        return;
      }
      const { action, at, why } = this.#controller.look(cores.map(({ busy }) => busy));
      this.#last = why;
      if (action === "keep") return;
      decision = { action, why };
      const { topology } = this.#host;
      const result: RolePlan = action === "add"
        ? planAddition(topology, machines, loads)
        : planRemoval(topology, machines, loads, cores[at!]!.cpu);
      if ("refused" in result) {
        this.#note({ ...decision, moves, refused: result.refused });
        return;
      }
      for (const { machine, plan } of result.changes) {
        moves.push(...await this.#move(machine, plan));
      }
      this.#note({ ...decision, moves });
    } catch (error) {
      const refused = error instanceof SplitXError ? error.message : `a defect: ${error}`;
      if (decision) this.#note({ ...decision, moves, refused });
      else this.#last = refused;
    }
  }

  async #move({ id, name }: Planned, plan: CorePlan): Promise<AdaptiveMove[]> {
    const vm = this.#host.vms.find((one) => one.id === id);
    const moves = await vm?.move(plan) ?? [];
    return moves.map((move) => ({ ...move, vm: id, name }));
  }

  #note(decision: Omit<AdaptiveDecision, "at" | "times">): void {
    const { action, refused, moves } = decision, before = this.#decisions[0];
    const again = before?.refused !== undefined && before.refused === refused &&
      before.action === action && before.moves.length + moves.length === 0;
    if (again) this.#decisions.shift();
    this.#decisions.unshift({
      ...decision,
      at: new Date().toISOString(),
      times: again ? before.times + 1 : 1,
    });
    this.#decisions.length = Math.min(this.#decisions.length, LOG_LENGTH);
  }
}
