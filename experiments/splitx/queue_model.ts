/**
 * Guests that share a hypervisor core, as a model: each thinks for a time (exponential), asks, and
 * waits until its request has crossed to the core, had its turn there, and the answer is back. The
 * core serves requests one at a time as they come.
 */
import type { Random } from "../random.ts";

/** The model's constants, in cycles. */
export interface QueueModel {
  readonly guests: number;
  /** Mean time from an answer to the guest's next request. */
  readonly think: number;
  /** For which a request has the core. */
  readonly service: number;
  /** There and back. */
  readonly trip: number;
}

/**
 * Latencies of requests, from asking to the answer.
 *
 * @param requests how many, of all guests together
 */
export function simulateQueue(
  { guests, think, service, trip }: QueueModel,
  requests: number,
  random: Random,
): Float64Array {
  const pause = () => -think * Math.log(1 - random());
  /** When each guest asks next. */
  const asks = Array.from({ length: guests }, pause);
  const latencies = new Float64Array(requests);
  let free = 0;
  for (let i = 0; i < requests; i++) {
    let first = 0;
    for (let guest = 1; guest < guests; guest++) if (asks[guest]! < asks[first]!) first = guest;
    const asked = asks[first]!;
    free = Math.max(free, asked + trip / 2) + service;
    const answered = free + trip / 2;
    latencies[i] = answered - asked;
    asks[first] = answered + pause();
  }
  return latencies;
}
