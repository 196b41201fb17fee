/** Latencies and rates that a guest reported, round by round. */
import { runError } from "../errors.ts";
import type { GuestReport } from "../runtime/guest_report.ts";
import { Histogram, median } from "../runtime/histogram.ts";

/** What the rounds of one workload at one set-up gave. */
export class Samples {
  readonly latency = new Histogram();
  readonly #p50s: number[] = [];
  readonly #rates: number[] = [];

  /** Adds a round. */
  add(report: GuestReport, operation: string, nsPerTick: number): void {
    const ticks = report.histograms.get(operation), span = report.spans.get(operation);
    if (!ticks || !span) throw runError("no-figures", "the guest gave no figures");
    this.latency.merge(ticks, nsPerTick);
    this.#p50s.push(ticks.quantile(0.5) * nsPerTick);
    this.#rates.push(span.n / (span.ticks * nsPerTick) * 1e9);
  }

  /** How many there were. */
  get rounds(): number {
    return this.#rates.length;
  }

  /** Median over rounds of a round's median, in nanoseconds. */
  get p50(): number {
    return median(this.#p50s);
  }

  /** Median over rounds, requests a second. */
  get rate(): number {
    return median(this.#rates);
  }
}
