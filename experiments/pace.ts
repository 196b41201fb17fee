/** How long what is left of an experiment takes, as far as the measurements so far tell. */

/** Measurements so far and the time that they took, point by point. */
export class Pace {
  readonly #spent = new Map<string, { ms: number; n: number }>();

  /**
   * Counts a measurement.
   *
   * @param point its key
   * @param ms that it took
   */
  add(point: string, ms: number): void {
    const spent = this.#spent.get(point) ?? { ms: 0, n: 0 };
    this.#spent.set(point, { ms: spent.ms + ms, n: spent.n + 1 });
  }

  /**
   * Milliseconds that so many more of each point take: as long as its own did on average, or as long
   * as all did where it has none.
   *
   * @returns undefined before the first measurement
   */
  left(more: ReadonlyMap<string, number>): number | undefined {
    let all = { ms: 0, n: 0 };
    for (const { ms, n } of this.#spent.values()) all = { ms: all.ms + ms, n: all.n + n };
    if (all.n === 0) return undefined;
    let left = 0;
    for (const [point, count] of more) {
      const { ms, n } = this.#spent.get(point) ?? all;
      left += count * ms / n;
    }
    return left;
  }
}
