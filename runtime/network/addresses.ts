/**
 * Addresses that were seen as senders at a port of a switch, in memory that every core reads. The core
 * that serves the port learns; any core may forget. A place is the two halves of an address, 16 bits
 * and 32, and a version that no earlier address of the place had: 0 while it holds none.
 */

/** How many are remembered. */
const PLACES = 8;
/** Words of a place. */
const HI = 0, LO = 1, VERSION = 2, PLACE_WORDS = 4;

/** Words of shared memory for one port. */
export const ADDRESSES_WORDS = PLACES * PLACE_WORDS;

/** See the head of this file. Nothing here allocates. */
export class Addresses {
  readonly #words: Int32Array;
  /** The version that was given last. */
  #version = 0;
  /** The place that is overwritten next. */
  #oldest = 0;

  /** @param words `ADDRESSES_WORDS` of them, shared, zero at first */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** Whether the address was seen here. */
  knows(hi: number, lo: number): boolean {
    for (let at = 0; at < ADDRESSES_WORDS; at += PLACE_WORDS) {
      if (this.#versionAt(at, hi, lo) !== 0) return true;
    }
    return false;
  }

  /** The address was seen elsewhere. */
  forget(hi: number, lo: number): void {
    for (let at = 0; at < ADDRESSES_WORDS; at += PLACE_WORDS) {
      const version = this.#versionAt(at, hi, lo);
      if (version !== 0) Atomics.compareExchange(this.#words, at + VERSION, version, 0);
    }
  }

  /** Remembers an address in place of the one that came first. */
  learn(hi: number, lo: number): void {
    const words = this.#words, at = this.#oldest;
    this.#oldest = (at + PLACE_WORDS) % ADDRESSES_WORDS;
    this.#version = this.#version + 1 | 0 || 1;
    Atomics.store(words, at + VERSION, 0);
    words[at + HI] = hi;
    words[at + LO] = lo;
    Atomics.store(words, at + VERSION, this.#version);
  }

  /** The version of the place when it holds the address, else 0: also while it changes. */
  #versionAt(at: number, hi: number, lo: number): number {
    const words = this.#words, version = words[at + VERSION]!;
    const same = words[at + LO] === lo && words[at + HI] === hi;
    return same && words[at + VERSION] === version ? version : 0;
  }
}
