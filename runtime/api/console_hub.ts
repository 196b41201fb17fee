/**
 * A machine's console for any number of watchers: one reader, a bounded memory of what was said,
 * and nobody who is waited for. A watcher that does not keep up is dropped.
 */
import { Problem } from "./problem.ts";

/** Bytes of the past that a new watcher is shown. */
export const SCROLL_BACK_BYTES = 256 * 1024;
/** Typed bytes that may wait for a guest. */
const MOST_TYPED = 64 * 1024;
/** Watchers of one console. */
const MOST_WATCHERS = 64;

/** What a hub needs of a machine. */
export interface ConsoleMachine {
  readonly console: ReadableStream<Uint8Array<ArrayBuffer>>;
  type(bytes: Uint8Array): Promise<void>;
  resize(columns: number, rows: number): void;
}

/** Somebody who is shown a console. */
export interface Watcher {
  /** Takes bytes at once; false drops the watcher. */
  show(bytes: Uint8Array<ArrayBuffer>): boolean;
  /** The console has ended. */
  end(): void;
}

/** See the head of this file. */
export class ConsoleHub {
  /** Settled when the console has ended and every watcher has been told. */
  readonly ended: Promise<void>;
  readonly #machine: ConsoleMachine;
  readonly #watchers = new Set<Watcher>();
  #past: Uint8Array<ArrayBuffer>[] = [];
  #pastBytes = 0;
  #over = false;
  #typing: Promise<void> = Promise.resolve();
  #typed = 0;

  /**
   * Begins to read.
   *
   * @throws Problem `console-taken` when somebody else reads this console
   */
  constructor(machine: ConsoleMachine) {
    if (machine.console.locked) {
      throw new Problem(409, "console-taken", "this machine's console is read by a program");
    }
    this.#machine = machine;
    this.ended = this.#read();
    this.ended.catch(() => {}); // whoever waits for it is told
  }

  /** How many watch. */
  get watchers(): number {
    return this.#watchers.size;
  }

  /** What was said lately, {@link SCROLL_BACK_BYTES} at most. */
  get past(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#pastBytes);
    let at = 0;
    for (const bytes of this.#past) {
      all.set(bytes, at);
      at += bytes.length;
    }
    return all;
  }

  /**
   * Shows a watcher the past and then everything that comes.
   *
   * @returns ends it
   * @throws Problem `too-many-watchers`
   */
  watch(watcher: Watcher): () => void {
    if (this.#watchers.size >= MOST_WATCHERS) {
      throw new Problem(503, "too-many-watchers", `${MOST_WATCHERS} watch this console already`);
    }
    const { past } = this;
    if (past.length > 0 && !watcher.show(past)) return () => {};
    if (this.#over) watcher.end();
    else this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /**
   * Types bytes behind those that were typed before.
   *
   * @returns false when too many wait for the guest: none was taken
   */
  type(bytes: Uint8Array): boolean {
    if (this.#typed + bytes.length > MOST_TYPED) return false;
    this.#typed += bytes.length;
    this.#typing = this.#typing.then(() => this.#machine.type(bytes)).catch(() => {})
      .finally(() => this.#typed -= bytes.length);
    return true;
  }

  /** Tells the guest the size of the terminal. */
  resize(columns: number, rows: number): void {
    this.#machine.resize(columns, rows);
  }

  async #read(): Promise<void> {
    for await (const bytes of this.#machine.console) {
      this.#remember(bytes);
      for (const watcher of this.#watchers) {
        if (!watcher.show(bytes)) this.#watchers.delete(watcher);
      }
    }
    this.#over = true;
    for (const watcher of this.#watchers) watcher.end();
    this.#watchers.clear();
  }

  #remember(bytes: Uint8Array<ArrayBuffer>): void {
    this.#past.push(bytes.slice(-SCROLL_BACK_BYTES));
    this.#pastBytes += this.#past.at(-1)!.length;
    while (this.#pastBytes - this.#past[0]!.length >= SCROLL_BACK_BYTES) {
      this.#pastBytes -= this.#past.shift()!.length;
    }
    const surplus = this.#pastBytes - SCROLL_BACK_BYTES;
    if (surplus <= 0) return;
    this.#past[0] = this.#past[0]!.slice(surplus);
    this.#pastBytes = SCROLL_BACK_BYTES;
  }
}

/** The hubs of machines, each made when it is first asked for. */
export class ConsoleHubs {
  readonly #hubs = new WeakMap<ConsoleMachine, ConsoleHub>();

  /**
   * The hub of a machine.
   *
   * @throws Problem `console-taken` when somebody else reads its console
   */
  of(machine: ConsoleMachine): ConsoleHub {
    let hub = this.#hubs.get(machine);
    if (!hub) this.#hubs.set(machine, hub = new ConsoleHub(machine));
    return hub;
  }

  /** How many watch a machine's console; makes no hub. */
  watchersOf(machine: ConsoleMachine): number {
    return this.#hubs.get(machine)?.watchers ?? 0;
  }
}
