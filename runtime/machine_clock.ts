/**
 * The time that a machine's devices and services see: the host's, or that of a virtual clock, which
 * stands still while an event is served.
 */
import { EVENT_TIME_HI, EVENT_TIME_LO } from "../cores/abi.ts";
import { exitCycles, type Placement, POST_CYCLES } from "../cores/cost_model.ts";
import type { Stub } from "../cores/stub.ts";
import type { EventClock } from "../cores/vcpu_channel.ts";
import type { RandomSource } from "./devices/virtio/entropy.ts";
import type { VirtualClockDescription } from "./machine_description.ts";

/**
 * Cycles in a millisecond of a virtual clock: the 2.93 GHz of the processors that the cost model's
 * figures were taken on.
 */
export const VIRTUAL_KHZ = 2_930_000;
/** Cycles that a vCPU may be ahead of another: 17 us. */
export const QUANTUM_CYCLES = 50_000;
/** Cycles between two looks at a terminal's input: a millisecond. */
export const LOOK_CYCLES = VIRTUAL_KHZ;

/** What devices and services ask for time and randomness. */
export interface MachineClock extends RandomSource {
  /** Ticks of the TSC, the guest's or one like it. */
  readonly ticks: () => number;
  readonly ticksPerMs: number;
  /** Seconds since the Unix epoch. */
  seconds(): number;
  /** Nanoseconds since the Unix epoch as two words, low first. */
  realtime(words: Uint32Array): void;
  /** A driver notified a queue: on a virtual clock, what that costs. */
  notified(): void;
}

/** The host's time and randomness. */
export class HostClock implements MachineClock {
  readonly ticks: () => number;
  readonly ticksPerMs: number;
  readonly #stub: Stub;

  constructor(stub: Stub, ticksPerMs: number) {
    this.#stub = stub;
    this.ticks = stub.sx_tsc;
    this.ticksPerMs = ticksPerMs;
  }

  seconds(): number {
    return Math.floor(Date.now() / 1000);
  }

  realtime(words: Uint32Array<ArrayBuffer>): void {
    this.#stub.sx_clock_realtime(words, words.byteLength);
  }

  fill(bytes: Uint8Array<ArrayBuffer>, length: number): number {
    return this.#stub.sx_random(bytes, length);
  }

  notified(): void {}
}

/** Time in modelled cycles, from a fixed day on, and numbers from a seed. */
export class VirtualClock implements MachineClock, EventClock {
  readonly ticksPerMs = VIRTUAL_KHZ;
  /** Of the event that is served. */
  now = 0;
  /** What wants to be asked at a time of its own. */
  dueAt: () => number = () => Infinity;
  readonly placement: Placement;
  readonly #epoch: number;
  #state: number;
  #queueNotified = false;

  constructor(placement: Placement, description: VirtualClockDescription) {
    this.placement = placement;
    this.#epoch = description.epoch;
    this.#state = description.seed | 0;
  }

  readonly ticks = (): number => this.now;

  seconds(): number {
    return this.#epoch + Math.floor(this.now / VIRTUAL_KHZ / 1000);
  }

  realtime(words: Uint32Array): void {
    const ns = this.#epoch * 1e9 + this.now / VIRTUAL_KHZ * 1e6;
    words[0] = ns % 2 ** 32;
    words[1] = ns / 2 ** 32;
  }

  /** A generator for guests that want to see different numbers, not secret ones (mulberry32). */
  fill(bytes: Uint8Array, length: number): number {
    for (let i = 0; i < length; i++) {
      this.#state = this.#state + 0x6d2b79f5 | 0;
      let t = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
      t ^= t + Math.imul(t ^ t >>> 7, t | 61);
      bytes[i] = (t ^ t >>> 14) >>> 24;
    }
    return length;
  }

  notified(): void {
    this.#queueNotified = true;
  }

  begin(words: Int32Array, at: number): void {
    this.now = (words[at + EVENT_TIME_HI]! >>> 0) * 2 ** 32 + (words[at + EVENT_TIME_LO]! >>> 0);
    this.#queueNotified = false;
  }

  cost(words: Int32Array, at: number): number {
    // A split machine's core would look at the queue by itself, or its bell be rung.
    const rung = this.#queueNotified && this.placement === "split";
    return rung ? POST_CYCLES : exitCycles(this.placement, words, at);
  }

  /** Capped, so that it fits: asked too early, the hypervisor says it again. */
  due(): number {
    const left = this.dueAt() - this.now;
    return left === Infinity ? 0 : Math.min(Math.max(1, Math.ceil(left)), 0x7fffffff);
  }
}
