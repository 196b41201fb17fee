/** A bound on requests: a bucket of tokens for each client. */

/** Clients that are remembered; the one that was seen first is forgotten for the next. */
const MOST_CLIENTS = 1024;

interface Bucket {
  tokens: number;
  at: number;
}

/** See the head of this file. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /**
   * @param perSecond requests that a client may make for ever
   * @param burst how many of them at once
   * @param now milliseconds of a clock that never goes back
   */
  constructor(perSecond: number, burst: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#now = now;
  }

  /** Whether this client may make one more request now. */
  take(client: string): boolean {
    const now = this.#now();
    const bucket = this.#buckets.get(client) ?? this.#remember(client, now);
    const earned = (now - bucket.at) / 1000 * this.#perSecond;
    bucket.tokens = Math.min(this.#burst, bucket.tokens + earned);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #remember(client: string, now: number): Bucket {
    if (this.#buckets.size >= MOST_CLIENTS) {
      this.#buckets.delete(this.#buckets.keys().next().value!);
    }
    const bucket = { tokens: this.#burst, at: now };
    this.#buckets.set(client, bucket);
    return bucket;
  }
}
