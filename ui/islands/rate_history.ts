/** Counters by name as rates over the last while. */

/** Points that are kept: half a minute of ten a second. */
const MOST_POINTS = 300;

/** See the head of this file. */
export class RateHistory {
  /** Seconds since the epoch. */
  readonly times: number[] = [];
  /** Rates a second by name, one for each time. */
  readonly rates = new Map<string, number[]>();
  #last: { at: number; counts: Readonly<Record<string, number>> } | undefined;

  /** @param counts since the start, by name */
  add(at: number, counts: Readonly<Record<string, number>>): void {
    const last = this.#last;
    this.#last = { at, counts };
    if (!last || at <= last.at) return;
    for (const name of Object.keys(counts)) {
      if (!this.rates.has(name)) this.rates.set(name, this.times.map(() => 0));
    }
    this.times.push(at);
    for (const [name, rates] of this.rates) {
      rates.push(Math.max(0, (counts[name] ?? 0) - (last.counts[name] ?? 0)) / (at - last.at));
    }
    if (this.times.length <= MOST_POINTS) return;
    this.times.shift();
    for (const rates of this.rates.values()) rates.shift();
  }

  /** Names in the order of the alphabet, each with the sum of its rates and of those before it. */
  stacked(): { name: string; sums: number[] }[] {
    let below = this.times.map(() => 0);
    return [...this.rates.keys()].sort().map((name) => {
      below = this.rates.get(name)!.map((rate, i) => rate + below[i]!);
      return { name, sums: below };
    });
  }
}
