/**
 * Waits of exits as a histogram for Prometheus. The counts are the stub's, and are read when somebody
 * asks, where the library's own histogram wants to be told each time.
 */
import type { Metric } from "prom-client";
import type { Runtime } from "../runtime.ts";

const NAME = "splitx_exit_wait_seconds";
/** One bound in so many of ours is told: a factor of 4 lies between two. */
const EVERY = 4;
const SECONDS_PER_NS = 1e-9;

interface Value {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

function valuesOf(runtime: Runtime): Value[] {
  const values: Value[] = [];
  for (const vm of runtime.vms) {
    const { boundsNs, exits } = vm.latency();
    for (const [reason, { n, meanNs, counts }] of Object.entries(exits)) {
      const labels = { vm: vm.id, name: vm.config.name, reason };
      const add = (suffix: string, value: number, more = {}) =>
        values.push({ metricName: `${NAME}_${suffix}`, labels: { ...labels, ...more }, value });
      let below = 0;
      for (const [bucket, bound] of boundsNs.entries()) {
        if (bucket > 0 && bucket % EVERY === 0) {
          add("bucket", below, { le: bound * SECONDS_PER_NS });
        }
        below += counts[bucket]!;
      }
      add("bucket", n, { le: "+Inf" });
      add("sum", n * meanNs * SECONDS_PER_NS);
      add("count", n);
    }
  }
  return values;
}

/** See the head of this file. To be given to a registry. */
export function exitWaits(runtime: Runtime): Metric {
  const about = {
    name: NAME,
    help: "Time from an exit event of a machine to its completion, or to its being posted",
    type: "histogram",
    aggregator: "sum",
  };
  const metric = { ...about, get: () => Promise.resolve({ ...about, values: valuesOf(runtime) }) };
  return metric as unknown as Metric;
}
