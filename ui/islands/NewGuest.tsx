/** The form of a new machine. */
import { useSignal } from "@preact/signals";
import { createClient, type Schemas } from "../../runtime/api/client.ts";

type Request = Schemas["VmRequest"];

export interface NewGuestProps {
  readonly guests: Schemas["Guests"];
  /** Told of a problem, or of none. */
  readonly told: (problem: string) => void;
}

const CHOICES = [
  { name: "engine", values: ["auto", "kvm", "soft"] },
  { name: "placement", values: ["split", "same-core"] },
  { name: "notification", values: ["polled", "exit"] },
  { name: "clock", values: ["host", "virtual"] },
] as const;

const api = createClient();

function requestOf(form: HTMLFormElement): Request {
  const fields = new FormData(form);
  const text = (name: string) => String(fields.get(name) ?? "").trim();
  return {
    guest: text("guest"),
    ...Object.fromEntries(CHOICES.map(({ name }) => [name, text(name)])),
    vcpus: Number(text("vcpus")),
    overcommit: fields.has("overcommit"),
    ...(text("name") ? { name: text("name") } : {}),
    ...(text("memory") ? { memory: text("memory") } : {}),
    ...(text("cmdline") ? { cmdline: text("cmdline") } : {}),
  };
}

export function NewGuest({ guests, told }: NewGuestProps) {
  const busy = useSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    busy.value = true;
    const body = requestOf(event.currentTarget as HTMLFormElement);
    const { data, error } = await api.POST("/api/vms", { body });
    let problem = error?.detail ?? "";
    if (data) {
      const started = await api.POST("/api/vms/{id}/start", { params: { path: { id: data.id } } });
      problem = started.error?.detail ?? "";
    }
    busy.value = false;
    told(problem);
  };
  return (
    <details class="card">
      <summary>New machine</summary>
      <form onSubmit={(event) => void submit(event)}>
        <div class="fields">
          <label class="field">
            guest
            <select name="guest">
              {guests.bundled.map(({ name }) => <option key={name}>{name}</option>)}
              {guests.files.map(({ path }) => <option key={path}>{path}</option>)}
            </select>
          </label>
          <label class="field">
            name
            <input name="name" maxLength={64} />
          </label>
          {CHOICES.map(({ name, values }) => (
            <label class="field" key={name}>
              {name}
              <select name={name}>
                {values.map((value) => <option key={value}>{value}</option>)}
              </select>
            </label>
          ))}
          <label class="field">
            vCPUs
            <input name="vcpus" type="number" min={1} max={64} defaultValue={1} required />
          </label>
          <label class="field">
            memory
            <input name="memory" placeholder="128M" />
          </label>
          <label class="field">
            command line
            <input name="cmdline" />
          </label>
        </div>
        <label>
          <input type="checkbox" name="overcommit" /> several vCPUs may share a core
        </label>
        <div class="actions">
          <button type="submit" class="primary" disabled={busy.value}>Create and start</button>
        </div>
      </form>
    </details>
  );
}
