/** What a configuration leaves to the engine that will run it. */
import type { Engine } from "../cores/engine.ts";
import { usageError } from "../errors.ts";
import type { VmConfig } from "./config.ts";

/** Which interrupt controllers a machine has; see `vmConfigSchema`. */
export type Irqchip = NonNullable<VmConfig["irqchip"]>;

/** A configuration with nothing left open. */
export type SettledConfig = Omit<VmConfig, "engine" | "irqchip"> & {
  /** The engine that runs it. */
  readonly engine: Engine;
  readonly irqchip: Irqchip;
};

/** The most that an engine has of interrupt controllers. */
export const MOST_IRQCHIP: Readonly<Record<Engine, Irqchip>> = { kvm: "full", soft: "split" };

/**
 * Settles a configuration for an engine.
 *
 * @throws SplitXError `bad-config` when the engine lacks what it asks for
 */
export function settleConfig(config: VmConfig, engine: Engine): SettledConfig {
  const irqchip = config.irqchip ?? (config.machine === "pc" ? MOST_IRQCHIP[engine] : "none");
  if (engine === "soft" && irqchip === "full") {
    throw usageError(
      "bad-config",
      "irqchip: full needs the engine kvm: soft has local APICs only, which is split",
    );
  }
  return { ...config, engine, irqchip };
}
