/**
 * How many host cores should poll, by how busy they are. It only decides: who asks it gives the cores
 * their roles.
 *
 * Two thresholds with a gap between them keep it from going to and fro: a core is added when all are
 * busier than the upper one on average, and removed when those that remain would be less busy than the
 * lower one. Load that stays as it is therefore never takes back what it brought about.
 */

/** When it decides. */
export interface RoleControllerOptions {
  /** Mean busy share above which a core is added, 0 to 1. */
  readonly addAbove: number;
  /** Mean busy share of the cores that would remain, below which one is removed; less than `addAbove`. */
  readonly removeBelow: number;
  /** Looks in a row that must agree. */
  readonly looks: number;
  /** Cores at least. */
  readonly least: number;
  /** Cores at most. */
  readonly most: number;
}

/** What {@link RoleController} does when nobody says otherwise. */
export const ROLE_CONTROLLER_DEFAULTS: RoleControllerOptions = {
  addAbove: 0.8,
  removeBelow: 0.5,
  looks: 5,
  least: 1,
  most: Infinity,
};

/** What a look came to. */
export interface RoleDecision {
  readonly action: "add" | "remove" | "keep";
  /** The core to remove: the least busy one, as its place in the list of shares. */
  readonly at?: number;
  /** For people, one line. */
  readonly why: string;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function sum(shares: readonly number[]): number {
  return shares.reduce((total, share) => total + share, 0);
}

/** See the head of this file. */
export class RoleController {
  readonly #options: RoleControllerOptions;
  #leaning: RoleDecision["action"] = "keep";
  #looks = 0;

  /** Told what differs from {@link ROLE_CONTROLLER_DEFAULTS}. */
  constructor(options: Partial<RoleControllerOptions> = {}) {
    this.#options = { ...ROLE_CONTROLLER_DEFAULTS, ...options };
    const { addAbove, removeBelow, looks, least, most } = this.#options;
    if (!(0 <= removeBelow && removeBelow < addAbove && addAbove <= 1)) {
      throw new RangeError("removeBelow must be less than addAbove, and both shares");
    }
    if (!(looks >= 1 && least >= 1 && most >= least)) {
      throw new RangeError("at least one look and one core, and no less at most than at least");
    }
  }

  /**
   * Looks once.
   *
   * @param shares how busy each host core that polls was since the last look, 0 to 1
   *
   * @example
   * ```ts
   * import { RoleController } from "./role_controller.ts";
   * import { strictEqual } from "node:assert";
   * const controller = new RoleController({ looks: 2 });
   * strictEqual(controller.look([0.9]).action, "keep");
   * strictEqual(controller.look([0.9]).action, "add");
   * strictEqual(controller.look([0.45, 0.45]).action, "keep");
   * ```
   */
  look(shares: readonly number[]): RoleDecision {
    const { looks } = this.#options;
    const wanted = this.#wanted(shares);
    this.#looks = wanted.action === this.#leaning ? this.#looks + 1 : 1;
    this.#leaning = wanted.action;
    if (wanted.action === "keep") return wanted;
    if (this.#looks < looks) {
      return { action: "keep", why: `${wanted.why}: look ${this.#looks} of ${looks}` };
    }
    this.#looks = 0;
    return wanted;
  }

  #wanted(shares: readonly number[]): RoleDecision {
    const { addAbove, removeBelow, least, most } = this.#options;
    const count = shares.length, total = sum(shares);
    const busy = `${count} polling core(s), busy for ${percent(total / Math.max(1, count))}`;
    if (count < least) {
      return { action: "add", why: `${count} polling core(s), at least ${least}` };
    }
    if (total / count > addAbove && count < most) {
      return { action: "add", why: `${busy}, more than ${percent(addAbove)}` };
    }
    if (count > least && total / (count - 1) < removeBelow) {
      const at = shares.indexOf(Math.min(...shares));
      const rest = percent(total / (count - 1));
      return {
        action: "remove",
        at,
        why: `${busy}: without one ${rest}, less than ${percent(removeBelow)}`,
      };
    }
    return { action: "keep", why: busy };
  }
}
