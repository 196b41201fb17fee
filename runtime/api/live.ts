/**
 * Live statistics for any number of listeners: one look at everything, ten times a second and only
 * while somebody listens, made into text once. A listener who is slow gets the latest and no queue.
 */
import type { Activity } from "./activity.ts";
import { Problem } from "./problem.ts";
import type { Snapshot } from "./schemas.ts";

/** Milliseconds from one look to the next. */
const TICK_MS = 100;
/** A snapshot that is younger than this many milliseconds serves whoever asks once. */
const FRESH_MS = 50;
/** Listeners at a time. */
const MOST_LISTENERS = 512;

/** One who listens: has room for one event, and the wish for another. */
interface Listener {
  readonly controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  /** Number of the last snapshot that it got. */
  seen: number;
}

/** See the head of this file. */
export class Live {
  readonly #activity: Activity;
  readonly #listeners = new Set<Listener>();
  readonly #encoder = new TextEncoder();
  #timer: ReturnType<typeof setInterval> | undefined;
  #latest: Snapshot | undefined;
  #lookedAt = -Infinity;
  #event = new Uint8Array();

  constructor(activity: Activity) {
    this.#activity = activity;
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** What is now, or was a moment ago. */
  snapshot(): Snapshot {
    const now = performance.now();
    if (this.#latest === undefined || now - this.#lookedAt >= FRESH_MS) {
      this.#latest = this.#activity.look();
      this.#lookedAt = now;
    }
    return this.#latest;
  }

  /**
   * Server-sent events, one for each look.
   *
   * @throws Problem `too-many-listeners`
   */
  listen(): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.#listeners.size >= MOST_LISTENERS) {
      throw new Problem(503, "too-many-listeners", `${MOST_LISTENERS} listen already`);
    }
    let listener: Listener;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        listener = { controller, seen: 0 };
        this.#listeners.add(listener);
        this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
        if (this.#event.length === 0 || this.#listeners.size === 1) this.#look();
      },
      pull: () => this.#send(listener),
      cancel: () => this.#leave(listener),
    }, { highWaterMark: 1 });
  }

  /** Ends every stream. */
  close(): void {
    for (const { controller } of this.#listeners) controller.close();
    this.#listeners.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    this.#look();
    for (const listener of this.#listeners) this.#send(listener);
  }

  #look(): void {
    this.#lookedAt = performance.now();
    this.#latest = this.#activity.look();
    const data = JSON.stringify(this.#latest);
    this.#event = this.#encoder.encode(
      `event: snapshot\nid: ${this.#latest.number}\ndata: ${data}\n\n`,
    );
  }

  /** Gives a listener the latest, when it has room and has not got it. */
  #send(listener: Listener): void {
    const { number } = this.#latest!;
    if (listener.seen === number || (listener.controller.desiredSize ?? 0) <= 0) return;
    listener.seen = number;
    listener.controller.enqueue(this.#event);
  }

  #leave(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
