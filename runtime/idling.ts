/** Which exits of an idling guest a machine does without. */
import type { CorePlan } from "../cores/core_plan.ts";
import type { SettledConfig } from "./engine_config.ts";

/** Bits of KVM_CAP_X86_DISABLE_EXITS (Linux, Documentation/virt/kvm/api.rst, 7.13). */
const IDLE_EXITS = [
  { bit: 1 << 0, name: "MWAIT" },
  { bit: 1 << 1, name: "HLT" },
  { bit: 1 << 2, name: "PAUSE" },
  { bit: 1 << 3, name: "C-states" },
] as const;

/**
 * A guest that has its cores to itself idles them itself: nobody else would use the time, and each
 * exit saved is one less between an interrupt and its handler. Where vCPUs share a core, one that
 * halts must give it up; under same-core placement the core is the hypervisor's too. The software
 * processor has no exits for idling.
 *
 * @param supported what KVM can leave to the processor
 * @returns a mask for `sx_vm_disable_exits`
 */
export function exitsToDisable(
  config: Pick<SettledConfig, "engine" | "machine" | "placement" | "vcpus" | "overcommit">,
  plan: Pick<CorePlan, "guest">,
  supported: number,
): number {
  const cores = plan.guest.slice(0, config.vcpus);
  const dedicated = config.placement === "split" && !config.overcommit &&
    new Set(cores).size === config.vcpus;
  const known = IDLE_EXITS.reduce((mask, { bit }) => mask | bit, 0);
  // A micro guest without interrupt controllers halts to be parked.
  return config.engine === "kvm" && dedicated && config.machine === "pc" ? supported & known : 0;
}

/** The names of a mask of exits, for people. */
export function idleExitNames(mask: number): string {
  return IDLE_EXITS.filter(({ bit }) => (mask & bit) !== 0).map(({ name }) => name).join(", ") ||
    "none";
}
