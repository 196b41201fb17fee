/** How long a machine's exits and calls took: one reason at a time, asked for once a second. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { createClient, type Schemas } from "../../runtime/api/client.ts";
import { short, time } from "../components/format.ts";
import { LatencyBars } from "../components/LatencyBars.tsx";

type VmLatency = Schemas["VmLatency"];

const EVERY_MS = 1000;
/** What stands for requests of the cell among the reasons of exits. */
const CALLS = "calls (sampled)";
const NOTHING: Schemas["WaitHistogram"] = { n: 0, meanNs: 0, p50Ns: 0, p99Ns: 0, counts: [] };

const api = createClient();

/** Waits by name, the most first. */
function seriesOf({ exits, calls }: VmLatency): Map<string, Schemas["WaitHistogram"]> {
  const series = Object.entries(exits).sort(([, a], [, b]) => b.n - a.n);
  return new Map([...series, ...(calls ? [[CALLS, calls] as const] : [])]);
}

export function LatencyPanel({ vm }: { readonly vm: number }) {
  const latency = useSignal<VmLatency | undefined>(undefined);
  const chosen = useSignal<string | undefined>(undefined);
  useEffect(() => {
    const ending = new AbortController();
    const read = async () => {
      const params = { path: { id: vm } };
      const { data } = await api.GET("/api/vms/{id}/latency", { params });
      if (ending.signal.aborted || !data) return;
      latency.value = data;
      // What was shown first stays, whatever becomes more frequent.
      chosen.value ??= seriesOf(data).keys().next().value;
    };
    void read();
    const timer = setInterval(() => void read(), EVERY_MS);
    return () => {
      ending.abort();
      clearInterval(timer);
    };
  }, [vm]);
  const series = latency.value ? seriesOf(latency.value) : new Map();
  const name = chosen.value ?? "waits";
  const waits = series.get(name) ?? NOTHING;
  return (
    <section aria-label="Latency">
      <label class="choice">
        waits of{" "}
        <select
          value={name}
          disabled={series.size === 0}
          onChange={(event) => chosen.value = event.currentTarget.value}
        >
          {series.size === 0 && <option value="waits">nothing yet</option>}
          {[...series.keys()].map((one) => <option key={one} value={one}>{one}</option>)}
        </select>
      </label>
      <dl class="figures spread">
        <div>
          <dt>waits</dt>
          <dd>{short(waits.n)}</dd>
        </div>
        <div>
          <dt>mean</dt>
          <dd>{time(waits.meanNs)}</dd>
        </div>
        <div class="p50">
          <dt>p50</dt>
          <dd>{time(waits.p50Ns)}</dd>
        </div>
        <div class="p99">
          <dt>p99</dt>
          <dd>{time(waits.p99Ns)}</dd>
        </div>
      </dl>
      <LatencyBars name={name} waits={waits} boundsNs={latency.value?.boundsNs ?? []} />
    </section>
  );
}
