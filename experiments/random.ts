/** Random numbers that are the same for the same seeds, on every host. */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { mersenne } from "pure-rand/generator/mersenne";

/** Numbers from 0 up to 1. */
export type Random = () => number;

/**
 * A generator of its own for a list of seeds.
 *
 * @param seeds whole numbers; another list gives other numbers
 */
export function seededRandom(...seeds: readonly number[]): Random {
  let state = 0;
  for (const seed of seeds) state = Math.imul(state ^ seed, 0x9e3779b1) + 0x7f4a7c15 | 0;
  const generator = mersenne(state);
  return () => uniformFloat64(generator);
}
