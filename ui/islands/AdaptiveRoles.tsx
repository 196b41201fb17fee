/** Adaptive roles: on or off, their thresholds, what they see, and what they decided. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { createClient, type Schemas } from "../../runtime/api/client.ts";
import { percent, time } from "../components/format.ts";
import { connection } from "./live.ts";

type Adaptive = Schemas["Adaptive"];
type Decision = Adaptive["decisions"][number];

export interface AdaptiveRolesProps {
  /** As it was when the page was made. */
  readonly initial: Adaptive;
}

const LOOK_MS = 1000;
const api = createClient();

function settingsOf(form: HTMLFormElement): Schemas["AdaptiveSettings"] {
  const fields = new FormData(form);
  const number = (name: string) => Number(fields.get(name));
  return {
    enabled: fields.has("enabled"),
    addAbove: number("addAbove") / 100,
    removeBelow: number("removeBelow") / 100,
    looks: number("looks"),
    least: number("least"),
    ...(fields.get("most") ? { most: number("most") } : {}),
  };
}

function outcome({ moves, refused }: Decision): string {
  const moved = moves.map(({ name, role, vcpu, from, to, pauseNs }) => {
    const what = vcpu === undefined ? role : `vCPU ${vcpu}`;
    const pause = pauseNs === undefined ? "" : `, paused ${time(pauseNs)}`;
    return `${name}: ${what} from core ${from.join(", ")} to ${to.join(", ")}${pause}`;
  });
  return [...moved, ...refused ? [`refused: ${refused}`] : []].join("; ");
}

export function AdaptiveRoles({ initial }: AdaptiveRolesProps) {
  const state = useSignal(initial), problem = useSignal("");
  useEffect(() => {
    const timer = setInterval(async () => {
      if (connection.value !== "live") return;
      const { data } = await api.GET("/api/adaptive");
      if (data) state.value = data;
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const set = async (event: SubmitEvent) => {
    event.preventDefault();
    const body = settingsOf(event.currentTarget as HTMLFormElement);
    const { data, error } = await api.PUT("/api/adaptive", { body });
    if (data) state.value = data;
    problem.value = error?.detail ?? "";
  };
  const { settings, cores, last, decisions } = state.value;
  const { addAbove, removeBelow, looks, least, most } = initial.settings;
  return (
    <details class="card">
      <summary>Adaptive roles: {settings.enabled ? "on" : "off"}</summary>
      <p class="quiet">
        By how busy they are, hypervisor cores that share a host core part, or come to share one.
      </p>
      <form onSubmit={(event) => void set(event)}>
        <label>
          <input
            type="checkbox"
            name="enabled"
            checked={settings.enabled}
            onChange={(event) => event.currentTarget.form!.requestSubmit()}
          />{" "}
          on
        </label>
        <div class="fields">
          <Share name="addAbove" label="one more above, % busy" defaultValue={addAbove} />
          <Share name="removeBelow" label="one less below, % busy" defaultValue={removeBelow} />
          <Count name="looks" label="looks in a row" defaultValue={looks} required />
          <Count name="least" label="host cores at least" defaultValue={least} required />
          <Count name="most" label="host cores at most" defaultValue={most} />
        </div>
        <div class="actions">
          <button type="submit">Set</button>
        </div>
      </form>
      <p class="notice bad" role="status">{problem.value}</p>
      <p class="notice">
        {cores.map(({ cpu, busy }) => `core ${cpu} ${percent(busy)} busy`).join(", ")}
        {cores.length > 0 ? ". " : ""}Last look: {last}
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Decisions">
        <table>
          <thead>
            <tr>
              <th>when</th>
              <th>decision</th>
              <th>why</th>
              <th>what came of it</th>
            </tr>
          </thead>
          <tbody>
            {decisions.map((decision) => (
              <tr key={decision.at} data-decision={decision.action}>
                <td>{new Date(decision.at).toLocaleTimeString()}</td>
                <td>{decision.action === "add" ? "one more" : "one less"}</td>
                <td>{decision.why}</td>
                <td class={decision.refused ? "bad" : undefined}>
                  {outcome(decision)}
                  {decision.times > 1 ? ` (${decision.times} times)` : ""}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly defaultValue: number | undefined;
}

function Share({ label, defaultValue = 0, ...input }: FieldProps) {
  const percents = { min: 0, max: 100, step: "any", defaultValue: defaultValue * 100 };
  return (
    <label class="field">
      {label}
      <input type="number" required {...input} {...percents} />
    </label>
  );
}

function Count({ label, ...input }: FieldProps & { readonly required?: boolean }) {
  return (
    <label class="field">
      {label}
      <input type="number" min={1} max={1000} {...input} />
    </label>
  );
}
