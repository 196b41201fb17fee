/** Asks the planner what a machine would get, and has the map show it; nothing runs. */
import { useSignal } from "@preact/signals";
import { createClient, type Schemas } from "../../runtime/api/client.ts";
import { cpuList } from "../components/cpu_list.ts";
import { PlanEffects } from "../components/PlanEffects.tsx";
import { triedPlan } from "./tried_plan.ts";

type Preview = Schemas["PlanPreview"];

export interface PlanTrialProps {
  /** Whether the form is shown at once. */
  readonly open: boolean;
}

/** Which guest it is makes no difference to a plan. */
const GUEST = "hello";
const api = createClient();

function requestOf(form: HTMLFormElement): Schemas["PlanRequest"] {
  const fields = new FormData(form);
  return {
    guest: GUEST,
    vcpus: Number(fields.get("vcpus")),
    hypervisors: Number(fields.get("hypervisors")),
    placement: fields.get("placement") === "same-core" ? "same-core" : "split",
    overcommit: fields.has("overcommit"),
  };
}

function describe({ housekeeping, hypervisor, guest }: Schemas["CorePlan"]): string {
  return [
    `guest ${cpuList(guest)}`,
    hypervisor.length > 0 ? `hypervisor ${cpuList(hypervisor)}` : "hypervisor on the guest's core",
    `housekeeping ${cpuList(housekeeping)}`,
  ].join("; ");
}

export function PlanTrial({ open }: PlanTrialProps) {
  const preview = useSignal<Preview | undefined>(undefined), problem = useSignal("");
  const ask = async (event: SubmitEvent) => {
    event.preventDefault();
    const body = requestOf(event.currentTarget as HTMLFormElement);
    const { data, error } = await api.POST("/api/plan/preview", { body });
    preview.value = data;
    triedPlan.value = data?.possible ? data.plan : undefined;
    problem.value = error ? error.detail : data?.possible === false ? data.reason : "";
  };
  const clear = () => {
    preview.value = undefined;
    triedPlan.value = undefined;
    problem.value = "";
  };
  const shown = preview.value;
  return (
    <details class="card" open={open}>
      <summary>Try a plan</summary>
      <form onSubmit={(event) => void ask(event)}>
        <div class="fields">
          <label class="field">
            vCPUs
            <input name="vcpus" type="number" min={1} max={256} defaultValue={1} required />
          </label>
          <label class="field">
            placement
            <select name="placement">
              <option>split</option>
              <option>same-core</option>
            </select>
          </label>
          <label class="field">
            hypervisor cores
            <input name="hypervisors" type="number" min={1} max={64} defaultValue={1} required />
          </label>
        </div>
        <label>
          <input type="checkbox" name="overcommit" /> roles of one kind may share a core
        </label>
        <div class="actions">
          <button type="submit" class="primary">Preview</button>
          <button type="button" onClick={clear}>Clear</button>
        </div>
      </form>
      <div role="status">
        {problem.value && <p class="bad">It cannot be: {problem.value}</p>}
        {shown?.possible && (
          <>
            <p>{describe(shown.plan)}</p>
            <PlanEffects effects={shown.effects} />
          </>
        )}
      </div>
    </details>
  );
}
