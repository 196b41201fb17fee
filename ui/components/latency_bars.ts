/** A histogram of waits as bars over time on a log scale: where each stands, and how high it is. */

/** Bars at least, so that a histogram of one bucket is no block. */
const LEAST_BARS = 12;

/** A histogram as the API gives it. */
export interface Waits {
  readonly n: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  /** By bucket. */
  readonly counts: readonly number[];
}

/** One bucket. */
export interface Bar {
  readonly fromNs: number;
  /** Infinity of the last bucket. */
  readonly toNs: number;
  readonly count: number;
  /** 0 to 1, by the logarithm of the count: that a rare wait is seen beside common ones. */
  readonly height: number;
}

/** A time on the axis. */
export interface Tick {
  readonly ns: number;
  /** 0 at the left of the first bar to 1 at the right of the last one. */
  readonly at: number;
}

/** See the head of this file. */
export interface Bars {
  readonly bars: readonly Bar[];
  /** Powers of ten. */
  readonly ticks: readonly Tick[];
  readonly p50: number;
  readonly p99: number;
}

/**
 * The buckets from the first to the last that holds anything, each as wide as the next: two are an
 * octave. None where nothing waited.
 *
 * @param boundsNs the least time of each bucket, rising
 */
export function latencyBars({ n, counts, p50Ns, p99Ns }: Waits, boundsNs: readonly number[]): Bars {
  if (n === 0) return { bars: [], ticks: [], p50: 0, p99: 0 };
  const filled = [...counts.keys()].filter((bucket) => counts[bucket]! > 0);
  const last = Math.max(filled.at(-1)!, LEAST_BARS - 1);
  const first = Math.min(filled[0]!, last - LEAST_BARS + 1);
  const highest = Math.log1p(Math.max(...counts));
  const bars: Bar[] = [];
  for (let bucket = first; bucket <= last; bucket++) {
    bars.push({
      fromNs: boundsNs[bucket]!,
      toNs: boundsNs[bucket + 1] ?? Infinity,
      count: counts[bucket]!,
      height: Math.log1p(counts[bucket]!) / highest,
    });
  }
  const place = (ns: number) => {
    const bar = bars.findIndex(({ fromNs, toNs }) => ns >= fromNs && ns < toNs);
    if (bar < 0) return ns < bars[0]!.fromNs ? 0 : 1;
    const { fromNs, toNs } = bars[bar]!;
    const part = toNs === Infinity ? 0 : (ns - fromNs) / (toNs - fromNs);
    return (bar + part) / bars.length;
  };
  const ticks: Tick[] = [];
  for (let ns = 10; ns <= bars.at(-1)!.fromNs; ns *= 10) {
    if (ns >= bars[0]!.fromNs) ticks.push({ ns, at: place(ns) });
  }
  return { bars, ticks, p50: place(p50Ns), p99: place(p99Ns) };
}
