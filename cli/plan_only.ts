/** `run --topology FILE`: how machines would be laid out on a host that is only described. */
import { checkPlan, type CorePlan, planCores } from "../cores/core_plan.ts";
import { formatCpuList } from "../cores/cpu_list.ts";
import { type Topology, usableCores } from "../cores/topology.ts";
import { parseWith, type VmConfigInput, vmConfigSchema } from "../runtime/config.ts";
import { type PlanRecord, planRecordSchema } from "../runtime/records.ts";
import { describePlan } from "./digest_demo.ts";

/** A plan for each machine, every one beside those before it. */
function planAll(topology: Topology, configs: readonly VmConfigInput[]): PlanRecord["plans"] {
  const inUse = { hypervisor: [] as number[], guest: [] as number[] };
  return configs.map((input) => {
    const config = parseWith(vmConfigSchema, input, "options");
    const plan: CorePlan = config.plan ?? planCores(topology, config, inUse);
    checkPlan(plan, topology, config, inUse);
    inUse.hypervisor.push(...plan.hypervisor);
    inUse.guest.push(...plan.guest.slice(0, config.vcpus));
    return { name: config.name, plan };
  });
}

/**
 * Plans machines on a described host; none is made.
 *
 * @param file where the description is
 * @param say where words go
 * @throws SplitXError that they do not fit
 */
export function planOnly(
  topology: Topology,
  file: string,
  configs: readonly VmConfigInput[],
  say: (text: string) => void,
): PlanRecord {
  const cores = formatCpuList(usableCores(topology).map((core) => core.cpu));
  const plans = planAll(topology, configs);
  say(`host: simulated, ${usableCores(topology).length} usable cores (${cores}), from ${file}\n`);
  for (const { name, plan } of plans) say(`plan of ${name}: ${describePlan(plan)}, simulated\n`);
  say("nothing was started: a simulated host can be planned for, not run on\n");
  return planRecordSchema.parse({ schema: "splitx.plan/1", simulated: true, cores, plans });
}
