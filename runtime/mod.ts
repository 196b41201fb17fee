/**
 * The SDK: make a machine, run it, read its console and its counters.
 *
 * @example
 * ```ts
 * import { createVm } from "./mod.ts";
 * await using vm = await createVm({ guest: "hello" });
 * await vm.start();
 * console.log(await vm.output());
 * console.log((await vm.ended).state);
 * ```
 *
 * @module
 */
import type { VmConfigInput } from "./config.ts";
import { Runtime } from "./runtime.ts";
import type { Vm } from "./vm.ts";

export { Runtime, type RuntimeOptions } from "./runtime.ts";
export type {
  AdaptiveDecision,
  AdaptiveMove,
  AdaptiveRoles,
  AdaptiveSettings,
  AdaptiveSettingsInput,
  AdaptiveState,
} from "./adaptive_roles.ts";
export type { PollingCore } from "./role_planning.ts";
export { type VmConfig, type VmConfigInput, vmConfigSchema } from "./config.ts";
export type { SettledConfig } from "./engine_config.ts";
export { linuxConfig, type LinuxOptions } from "./linux_guest.ts";
export { type Move, type VirtualClockState, Vm, type VmEnd } from "./vm.ts";
export type { TraceKind, TraceRecord } from "./execution_trace.ts";
export type { VmState } from "./lifecycle.ts";
export type { VcpuStats, VmStats } from "./vm_stats.ts";
export type { VmLatency, WaitHistogram } from "./latency.ts";
export type { LastExit } from "./machine_description.ts";
export type { CorePlan, CorePlanInput } from "../cores/core_plan.ts";
export type { PlanEffect } from "../cores/plan_effects.ts";
export type { RoleMove } from "../cores/role_moves.ts";
export { readSimulatedTopology } from "../cores/simulated_topology.ts";
export { SplitXError } from "../errors.ts";

/**
 * Makes a machine in a runtime of its own. For several machines at once open a {@link Runtime}.
 *
 * @param config what it is made of; see {@link vmConfigSchema}
 * @returns the machine, not yet started; dispose it to give everything back
 * @throws SplitXError when the configuration is wrong or the host cannot run it
 */
export async function createVm(config: VmConfigInput): Promise<Vm> {
  const runtime = await Runtime.open();
  try {
    const vm = runtime.createVm(config);
    vm.takeAlong(runtime);
    return vm;
  } catch (error) {
    await runtime[Symbol.asyncDispose]();
    throw error;
  }
}
