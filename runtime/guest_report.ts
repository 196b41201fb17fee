/**
 * What a micro guest reports on its console, here and on any other hypervisor: lines
 * `@hist NAME value:count ...` and `@ticks NAME n ticks`, both in TSC ticks, and `@count NAME value`.
 */
import { Histogram } from "./histogram.ts";

/** The measurements of one guest run. */
export interface GuestReport {
  readonly histograms: ReadonlyMap<string, Histogram>;
  /** For each name how many things took how many ticks altogether. */
  readonly spans: ReadonlyMap<string, { readonly n: number; readonly ticks: number }>;
  /** For each name the sum of its counts. */
  readonly counts: ReadonlyMap<string, number>;
  /** The other lines. */
  readonly text: string;
}

function isCount(word: string): boolean {
  return /^\d+$/.test(word);
}

/**
 * Reads a console.
 *
 * @param output everything that the guest wrote
 *
 * @example
 * ```ts
 * import { readGuestReport } from "./guest_report.ts";
 * import { strictEqual } from "node:assert";
 * const report = readGuestReport("hello\n@hist out 10:3 20:1\n@ticks loop 4 100\n@count kicks 7\n");
 * strictEqual(report.histograms.get("out")?.n, 4);
 * strictEqual(report.spans.get("loop")?.ticks, 100);
 * strictEqual(report.counts.get("kicks"), 7);
 * strictEqual(report.text, "hello\n");
 * ```
 */
export function readGuestReport(output: string): GuestReport {
  const histograms = new Map<string, Histogram>();
  const spans = new Map<string, { n: number; ticks: number }>();
  const counts = new Map<string, number>();
  let text = "";
  for (const line of output.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const [kind, name, ...words] = line.trim().split(" ");
    if (kind === "@hist" && name) {
      const histogram = histograms.get(name) ?? new Histogram();
      for (const word of words) {
        const pair = word.split(":");
        if (pair.length !== 2 || !pair.every(isCount)) continue;
        histogram.add(Number(pair[0]), Number(pair[1]));
      }
      histograms.set(name, histogram);
    } else if (kind === "@ticks" && name && words.length === 2 && words.every(isCount)) {
      spans.set(name, { n: Number(words[0]), ticks: Number(words[1]) });
    } else if (kind === "@count" && name && words.length === 1 && words.every(isCount)) {
      counts.set(name, (counts.get(name) ?? 0) + Number(words[0]));
    } else {
      text += line;
    }
  }
  return { histograms, spans, counts, text };
}
