/** Every machine: its state, knobs and figures, its life's steps, its console; and a form for a new one. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { createClient, type Schemas } from "../../runtime/api/client.ts";
import { short, size } from "../components/format.ts";
import { ExitChart } from "./ExitChart.tsx";
import { GuestConsole } from "./GuestConsole.tsx";
import { machineStates, snapshot, watchRuntime } from "./live.ts";
import { NewGuest } from "./NewGuest.tsx";

type Vm = Schemas["Vm"];

export interface GuestCardsProps {
  readonly guests: Schemas["Guests"];
}

const api = createClient();

export function GuestCards({ guests }: GuestCardsProps) {
  const vms = useSignal<readonly Vm[]>([]);
  const notice = useSignal("");
  useEffect(watchRuntime, []);
  const read = async () => {
    const { data } = await api.GET("/api/vms");
    if (data) vms.value = data;
  };
  const states = machineStates.value;
  useEffect(() => void read(), [states]);
  const told = (problem: string) => {
    notice.value = problem;
    void read();
  };
  return (
    <div>
      <NewGuest guests={guests} told={told} />
      <p class="notice bad" role="status">{notice.value}</p>
      {vms.value.length === 0 && <p class="quiet">No machine yet.</p>}
      <div class="cards">
        {vms.value.map((vm) => <GuestCard key={vm.id} vm={vm} told={told} />)}
      </div>
    </div>
  );
}

/** Steps that each state allows. */
const STEPS = {
  created: ["start", "stop"],
  running: ["pause", "stop"],
  paused: ["resume", "stop"],
  stopped: [],
  failed: [],
} as const;

function GuestCard({ vm, told }: { vm: Vm; told: (problem: string) => void }) {
  const open = useSignal(false);
  const figures = snapshot.value?.machines.find((one) => one.id === vm.id);
  const state = figures?.state ?? vm.state;
  const params = { path: { id: vm.id } };
  const take = async (step: "start" | "pause" | "resume" | "stop") => {
    const { error } = await api.POST(`/api/vms/{id}/${step}`, { params });
    told(error ? `${vm.name}: ${error.detail}` : "");
  };
  const remove = async () => {
    const { error } = await api.DELETE("/api/vms/{id}", { params });
    told(error ? `${vm.name}: ${error.detail}` : "");
  };
  const { config, plan } = vm;
  return (
    <article class="card" aria-label={vm.name} data-vm={vm.id}>
      <header>
        <h2>{vm.name}</h2>
        <span class="state" data-state={state}>{state}</span>
      </header>
      <p class="quiet">
        {config.guest.split("/").pop()} · {config.engine} · {config.placement} ·{" "}
        {config.notification} · clock {config.clock}
      </p>
      {vm.end?.reason && <p class="bad">{vm.end.reason}</p>}
      <dl class="figures">
        <dt>vCPUs on cores</dt>
        <dd>{plan.guest.slice(0, config.vcpus).join(", ")}</dd>
        <dt>hypervisor core</dt>
        <dd>{plan.hypervisor.join(", ") || "the guest's own"}</dd>
        <dt>exits/s</dt>
        <dd>{short(figures?.exitsPerSecond ?? 0)}</dd>
        <dt>requests/s</dt>
        <dd>{short(figures?.requestsPerSecond ?? 0)}</dd>
        <dt>posted, waiting</dt>
        <dd>{figures?.postedWaiting ?? 0}</dd>
        <dt>memory in use</dt>
        <dd>{size(figures?.residentBytes ?? 0)} of {size(config.memory)}</dd>
        {vm.end?.code !== undefined && (
          <>
            <dt>exit code</dt>
            <dd>{vm.end.code}</dd>
          </>
        )}
      </dl>
      <ExitChart vm={vm.id} />
      <div class="actions">
        {STEPS[state].map((step) => (
          <button
            type="button"
            onClick={() => void take(step)}
          >
            {step}
          </button>
        ))}
        <button type="button" aria-expanded={open.value} onClick={() => open.value = !open.value}>
          console
        </button>
        <button type="button" onClick={() => void remove()}>delete</button>
      </div>
      {open.value && <GuestConsole vm={vm.id} />}
    </article>
  );
}
