/** The same guest at two points of the matrix, one after the other, side by side. */
import { useSignal } from "@preact/signals";
import { createClient, type Schemas } from "../../runtime/api/client.ts";
import { short, time } from "../components/format.ts";

type Stats = Schemas["VmStats"];

interface Point {
  readonly placement: "same-core" | "split";
  readonly notification: "exit" | "polled";
}

/** What a run at one point gave. */
interface Outcome {
  readonly seconds: number;
  readonly stats: Stats;
  readonly code: number | undefined;
  readonly reason: string | undefined;
}

const POINTS: readonly Point[] = [
  { placement: "same-core", notification: "exit" },
  { placement: "same-core", notification: "polled" },
  { placement: "split", notification: "exit" },
  { placement: "split", notification: "polled" },
];
const LOOK_MS = 50;

const api = createClient();
const nameOf = ({ placement, notification }: Point) => `${placement}, ${notification}`;

export interface ComparisonProps {
  /** Guests that end by themselves. */
  readonly guests: readonly string[];
}

async function runAt(guest: string, point: Point, cmdline: string): Promise<Outcome | string> {
  const body = { guest, ...point, ...(cmdline ? { cmdline } : {}) };
  const made = await api.POST("/api/vms", { body });
  if (!made.data) return made.error?.detail ?? "the runtime does not answer";
  const params = { path: { id: made.data.id } };
  try {
    const begun = performance.now();
    const started = await api.POST("/api/vms/{id}/start", { params });
    if (!started.data) return started.error?.detail ?? "the runtime does not answer";
    for (;;) {
      const { data } = await api.GET("/api/vms/{id}", { params });
      if (!data) return "the machine is gone";
      if (data.end) {
        const seconds = (performance.now() - begun) / 1000;
        const { data: stats } = await api.GET("/api/vms/{id}/stats", { params });
        if (!stats) return "the machine is gone";
        return { seconds, stats, code: data.end.code, reason: data.end.reason };
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    await api.DELETE("/api/vms/{id}", { params });
  }
}

export function Comparison({ guests }: ComparisonProps) {
  const left = useSignal(0), right = useSignal(3), guest = useSignal(guests[0] ?? "hello");
  const cmdline = useSignal(""), running = useSignal(""), problem = useSignal("");
  const outcomes = useSignal<readonly { point: Point; outcome: Outcome }[]>([]);
  const run = async () => {
    problem.value = "";
    outcomes.value = [];
    for (const point of [POINTS[left.value]!, POINTS[right.value]!]) {
      running.value = nameOf(point);
      const outcome = await runAt(guest.value, point, cmdline.value);
      if (typeof outcome === "string") {
        problem.value = `${nameOf(point)}: ${outcome}`;
        break;
      }
      outcomes.value = [...outcomes.value, { point, outcome }];
    }
    running.value = "";
  };
  const choose = (name: string, value: typeof left) => (
    <label class="field">
      {name}
      <select
        value={value.value}
        onChange={(event) => value.value = Number(event.currentTarget.value)}
      >
        {POINTS.map((point, i) => <option key={i} value={i}>{nameOf(point)}</option>)}
      </select>
    </label>
  );
  return (
    <div>
      <div class="card">
        <div class="fields">
          <label class="field">
            guest
            <select
              value={guest.value}
              onChange={(event) => guest.value = event.currentTarget.value}
            >
              {guests.map((name) => <option key={name}>{name}</option>)}
            </select>
          </label>
          <label class="field">
            command line
            <input
              value={cmdline.value}
              onInput={(event) => cmdline.value = event.currentTarget.value}
            />
          </label>
          {choose("left", left)}
          {choose("right", right)}
        </div>
        <div class="actions">
          <button
            type="button"
            class="primary"
            disabled={running.value !== ""}
            onClick={() => void run()}
          >
            Run both
          </button>
        </div>
      </div>
      <p class="notice" role="status">
        {running.value && `running: ${running.value}`}
        {problem.value && <span class="bad">{problem.value}</span>}
      </p>
      <div class="side-by-side">
        {outcomes.value.map(({ point, outcome }) => (
          <OutcomeCard
            point={point}
            outcome={outcome}
          />
        ))}
      </div>
    </div>
  );
}

function OutcomeCard({ point, outcome }: { point: Point; outcome: Outcome }) {
  const { stats, seconds, code, reason } = outcome;
  const sum = (of: (vcpu: Stats["vcpus"][number]) => number) =>
    stats.vcpus.reduce((total, vcpu) => total + of(vcpu), 0);
  const rows: readonly (readonly [string, string])[] = [
    ["time, start to end", `${seconds.toFixed(2)} s`],
    ["exits on the guest core", short(sum((vcpu) => vcpu.exitsTotal))],
    ["requests through memory", short(sum((vcpu) => vcpu.calls + vcpu.postedCalls))],
    ["in the guest", time(sum((vcpu) => vcpu.guestNs))],
    ["waiting for the hypervisor", time(sum((vcpu) => vcpu.waitNs))],
    ["serving it", time(sum((vcpu) => vcpu.servedNs))],
    ["end", reason ?? `code ${code ?? "none"}`],
  ];
  return (
    <section class="card" aria-label={nameOf(point)}>
      <header>
        <h2>{nameOf(point)}</h2>
        <span class="kind" data-kind="measured">measured</span>
      </header>
      <dl class="figures">
        {rows.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}
