/** Metrics for Prometheus: of requests, of the process, of cores and of machines. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { Runtime } from "../runtime.ts";
import { exitWaits } from "./exit_waits.ts";
import type { Live } from "./live.ts";

/** Seconds; from a tenth of a millisecond on. */
const BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 1, 10];

/** See the head of this file. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Histogram<"method" | "route" | "status">;

  constructor(runtime: Runtime, live: Live) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: "splitx_http_request_duration_seconds",
      help: "Time from a request to its response's head",
      labelNames: ["method", "route", "status"],
      buckets: BUCKETS,
      registers,
    });
    new Gauge({
      name: "splitx_machines",
      help: "Machines by state",
      labelNames: ["state"],
      registers,
      collect() {
        this.reset();
        for (const vm of runtime.vms) this.inc({ state: vm.state });
      },
    });
    new Gauge({
      name: "splitx_event_listeners",
      help: "Connections that get live statistics",
      registers,
      collect() {
        this.set(live.listeners);
      },
    });
    new Gauge({
      name: "splitx_core_share",
      help: "Share of a host core's time, 0 to 1, since the last look",
      labelNames: ["cpu", "state"],
      registers,
      collect() {
        for (const { cpu, busy, spin, idle } of live.snapshot().cores) {
          for (const [state, share] of Object.entries({ busy, spin, idle })) {
            this.set({ cpu, state }, share);
          }
        }
      },
    });
    new Counter({
      name: "splitx_exits_total",
      help: "Exits on the guest cores of a machine",
      labelNames: ["vm", "name", "reason"],
      registers,
      collect() {
        this.reset();
        for (const { id, name, exits } of live.snapshot().machines) {
          for (const [reason, count] of Object.entries(exits)) {
            this.inc({ vm: id, name, reason }, count);
          }
        }
      },
    });
    this.#registry.registerMetric(exitWaits(runtime));
    new Counter({
      name: "splitx_requests_total",
      help: "Hypercalls and device requests of a machine",
      labelNames: ["vm", "name"],
      registers,
      collect() {
        this.reset();
        for (const { id, name, requests } of live.snapshot().machines) {
          this.inc({ vm: id, name }, requests);
        }
      },
    });
    new Gauge({
      name: "splitx_resident_bytes",
      help: "Guest memory that the host has given a machine",
      labelNames: ["vm", "name"],
      registers,
      collect() {
        this.reset();
        for (const { id, name, residentBytes } of live.snapshot().machines) {
          this.set({ vm: id, name }, residentBytes);
        }
      },
    });
  }

  /** Media type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything, in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Times every request, under the route that it took. */
  readonly timing: MiddlewareHandler = async (context, next) => {
    const before = performance.now();
    await next();
    const labels = {
      method: context.req.method,
      route: routePath(context, -1),
      status: String(context.res.status),
    };
    this.#requests.observe(labels, (performance.now() - before) / 1000);
  };
}
