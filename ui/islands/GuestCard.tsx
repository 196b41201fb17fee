/** One machine: its state, knobs and figures, its faults, its life's steps, its console. */
import { useSignal } from "@preact/signals";
import { createClient, type Schemas } from "../../runtime/api/client.ts";
import { FaultList, LastExit } from "../components/FaultList.tsx";
import { short, size } from "../components/format.ts";
import { QueueTable } from "../components/QueueTable.tsx";
import { ExitChart } from "./ExitChart.tsx";
import { GuestConsole } from "./GuestConsole.tsx";
import { snapshot } from "./live.ts";

type Vm = Schemas["Vm"];
type Activity = Schemas["MachineActivity"];

/** Steps that each state allows. */
const STEPS = {
  created: ["start", "stop"],
  running: ["pause", "stop"],
  paused: ["resume", "stop"],
  stopped: [],
  failed: [],
} as const;

/** Before the first snapshot. */
const QUIET: Omit<Activity, "id" | "name" | "state" | "exits"> = {
  exitsPerSecond: 0,
  requests: 0,
  requestsPerSecond: 0,
  deviceRequestsPerSecond: 0,
  interruptsPerSecond: 0,
  framesPerSecond: 0,
  postedWaiting: 0,
  postedDepth: 0,
  ringWaiting: 0,
  ringDepth: 0,
  queues: [],
  faults: { wildPorts: 0, unmappedMemory: 0, unknownCalls: 0, lostInterrupts: 0 },
  residentBytes: 0,
};

const api = createClient();

export interface GuestCardProps {
  readonly vm: Vm;
  /** Told of a problem, or of none, when something was tried. */
  readonly told: (problem: string) => void;
}

export function GuestCard({ vm, told }: GuestCardProps) {
  const open = useSignal(false);
  const latency = useSignal<typeof import("./LatencyPanel.tsx").LatencyPanel | undefined>(
    undefined,
  );
  const live = snapshot.value?.machines.find((one) => one.id === vm.id);
  const state = live?.state ?? vm.state, figures = live ?? QUIET;
  const params = { path: { id: vm.id } };
  const tell = (error: Schemas["Problem"] | undefined) =>
    told(error ? `${vm.name}: ${error.detail}` : "");
  const take = async (step: "start" | "pause" | "resume" | "stop") =>
    tell((await api.POST(`/api/vms/{id}/${step}`, { params })).error);
  const remove = async () => tell((await api.DELETE("/api/vms/{id}", { params })).error);
  const notifyBy = async (notification: Vm["config"]["notification"]) =>
    tell((await api.PATCH("/api/vms/{id}", { params, body: { notification } })).error);
  const openLatency = async () => {
    latency.value = latency.value ? undefined : (await import("./LatencyPanel.tsx")).LatencyPanel;
  };
  const { config, plan } = vm;
  const LatencyPanel = latency.value;
  return (
    <article class="card" aria-label={vm.name} data-vm={vm.id}>
      <header>
        <h2>{vm.name}</h2>
        <span class="state" data-state={state}>{state}</span>
      </header>
      <p class="quiet">
        {config.guest.split("/").pop()} · {config.engine} · {config.placement} · clock{" "}
        {config.clock}
      </p>
      <label class="choice">
        notification{" "}
        <select
          value={config.notification}
          disabled={!vm.knobs.includes("notification")}
          onChange={({ currentTarget }) =>
            void notifyBy(currentTarget.value as typeof config.notification)}
        >
          <option value="polled">polled</option>
          <option value="exit">exit</option>
        </select>
      </label>
      {vm.end?.reason && <p class="bad">{vm.end.reason}</p>}
      {vm.end?.lastExit && <LastExit {...vm.end.lastExit} />}
      <dl class="figures">
        <dt>vCPUs on cores</dt>
        <dd>{plan.guest.slice(0, config.vcpus).join(", ")}</dd>
        <dt>hypervisor core</dt>
        <dd>{plan.hypervisor.join(", ") || "the guest's own"}</dd>
        <dt>exits/s</dt>
        <dd>{short(figures.exitsPerSecond)}</dd>
        <dt>requests/s</dt>
        <dd>{short(figures.requestsPerSecond)}</dd>
        <dt>device requests/s</dt>
        <dd>{short(figures.deviceRequestsPerSecond)}</dd>
        <dt>interrupts/s</dt>
        <dd>{short(figures.interruptsPerSecond)}</dd>
        <dt>frames/s</dt>
        <dd>{short(figures.framesPerSecond)}</dd>
        <dt>posted exits, waiting</dt>
        <dd>{figures.postedWaiting} of {figures.postedDepth}</dd>
        <dt>posted requests, waiting</dt>
        <dd>{figures.ringWaiting} of {figures.ringDepth}</dd>
        <dt>memory in use</dt>
        <dd>{size(figures.residentBytes)} of {size(config.memory)}</dd>
        {vm.end?.code !== undefined && (
          <>
            <dt>exit code</dt>
            <dd>{vm.end.code}</dd>
          </>
        )}
      </dl>
      <FaultList faults={figures.faults} />
      <QueueTable queues={figures.queues} />
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
        <button
          type="button"
          aria-expanded={LatencyPanel !== undefined}
          onClick={() => void openLatency()}
        >
          latency
        </button>
        <button type="button" aria-expanded={open.value} onClick={() => open.value = !open.value}>
          console
        </button>
        <button type="button" onClick={() => void remove()}>delete</button>
      </div>
      {LatencyPanel && <LatencyPanel vm={vm.id} />}
      {open.value && <GuestConsole vm={vm.id} />}
    </article>
  );
}
