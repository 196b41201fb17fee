/**
 * A hypervisor core as the housekeeping core sees it: a worker pinned to a host core that spins in
 * its loop. To be spoken to it is told to yield; it answers messages and goes back to the loop.
 */
import {
  CORE_BLOCK_BYTES,
  CORE_BLOCK_COMMAND,
  CORE_BLOCK_LOOP_TICKS,
  CORE_BLOCK_PARKED_TICKS,
  CORE_BLOCK_PARKS,
  CORE_BLOCK_TURNS,
  CORE_RUN,
  CORE_YIELD,
} from "./abi.ts";
import { forgetThread, moveThread, placeThread } from "./affinity.ts";
import { addressOf, check, type Stub, wordsAt } from "./stub.ts";

/** What the worker is told first. */
export interface OpenMessage {
  readonly type: "open";
  readonly stub: string;
  readonly handle: number;
  readonly block: bigint;
  readonly cpu: number;
  readonly spinNs: number;
  readonly ticksPerNs: number;
}

/** Tells the worker how long to spin from now on. */
export interface SpinMessage {
  readonly type: "spin";
  readonly spinNs: number;
}

/** Answers of the worker that belong to a message; others are events. */
export type WorkerReply =
  | { readonly type: "done"; readonly value: unknown }
  | { readonly type: "refused"; readonly message: string };

/** What a hypervisor core needs to start. */
export interface HypervisorCoreOptions {
  readonly stub: Stub;
  readonly stubPath: string;
  /** Host core to pin the worker to. */
  readonly cpu: number;
  /** The worker's module. */
  readonly module: URL;
  /** How long the loop spins without work before it sleeps, nanoseconds. */
  readonly spinNs: number;
  readonly ticksPerNs: number;
  /** An event that the worker sends on its own. */
  readonly onEvent: (event: unknown) => void;
  /** The worker ended with an error that it did not catch. */
  readonly onDeath: (reason: string) => void;
}

/** Sums since the core started. */
export interface HypervisorCoreStats {
  readonly turns: number;
  readonly loopTicks: number;
  readonly parkedTicks: number;
  readonly parks: number;
}

/** See the head of this file. */
export class HypervisorCore {
  /** The stub's handle. */
  readonly handle: number;
  /** Address of its block. */
  readonly block: bigint;
  /** Linux thread id of the worker. */
  tid = 0;
  readonly #options: HypervisorCoreOptions;
  readonly #words: Int32Array;
  readonly #worker: Worker;
  #queue: Promise<unknown> = Promise.resolve();
  #pending: { resolve(value: unknown): void; reject(error: Error): void } | undefined;
  #dead = "";
  #cpu: number;
  #spinNs: number;

  private constructor(options: HypervisorCoreOptions, handle: number, block: bigint) {
    this.#options = options;
    this.#cpu = options.cpu;
    this.#spinNs = options.spinNs;
    this.handle = handle;
    this.block = block;
    this.#words = wordsAt(block, CORE_BLOCK_BYTES);
    this.#worker = new Worker(options.module, { type: "module" });
    this.#worker.onmessage = (event) => this.#receive(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#die(event.message);
    };
  }

  /** Starts the worker and waits until it is pinned. */
  static async start(options: HypervisorCoreOptions): Promise<HypervisorCore> {
    const { stub } = options;
    const handle = check(stub, stub.sx_core_create());
    const block = addressOf(stub.sx_core_block_of(handle));
    const core = new HypervisorCore(options, handle, block);
    const open: OpenMessage = {
      type: "open",
      stub: options.stubPath,
      handle,
      block,
      cpu: options.cpu,
      spinNs: options.spinNs,
      ticksPerNs: options.ticksPerNs,
    };
    try {
      core.tid = await core.exchange(open) as number;
      placeThread(core.tid, core.cpu);
    } catch (error) {
      await core.stop();
      throw error;
    }
    return core;
  }

  /** Host core. */
  get cpu(): number {
    return this.#cpu;
  }

  /** Puts the worker on another host core; what it does goes on there. */
  moveTo(cpu: number): void {
    moveThread(this.#options.stub, this.tid, cpu);
    this.#cpu = cpu;
  }

  /** Has its loop spin for so long without work before it sleeps, nanoseconds. */
  async spinFor(spinNs: number): Promise<void> {
    if (this.#spinNs === spinNs) return;
    this.#spinNs = spinNs;
    await this.exchange({ type: "spin", spinNs } satisfies SpinMessage);
  }

  /** Why the worker is dead, empty while it lives. */
  get dead(): string {
    return this.#dead;
  }

  /**
   * Gets the worker out of its loop, hands it a message and waits for the answer.
   *
   * @throws Error with the worker's words when it refuses, or when it is dead
   */
  exchange(message: unknown): Promise<unknown> {
    return this.#inTurn(async () => {
      try {
        return await this.#ask(message);
      } finally {
        this.#command(CORE_RUN);
        this.#worker.postMessage({ type: "run" });
      }
    });
  }

  /** Sums since the start. */
  stats(): HypervisorCoreStats {
    const words = this.#words;
    const doubles = new Float64Array(words.buffer, words.byteOffset, words.length / 2);
    return {
      turns: doubles[CORE_BLOCK_TURNS / 2]!,
      loopTicks: doubles[CORE_BLOCK_LOOP_TICKS / 2]!,
      parkedTicks: doubles[CORE_BLOCK_PARKED_TICKS / 2]!,
      parks: doubles[CORE_BLOCK_PARKS / 2]!,
    };
  }

  /** Ends the worker, once it has left its loop. */
  async stop(): Promise<void> {
    try {
      await this.#inTurn(() => this.#ask({ type: "close" }));
    } catch {
      // It was dead already.
    }
    this.#dead ||= "the hypervisor core was stopped";
    forgetThread(this.tid);
    this.#worker.terminate();
    this.#options.stub.sx_core_destroy(this.handle);
  }

  /** One conversation at a time. */
  #inTurn<T>(talk: () => Promise<T>): Promise<T> {
    const answer = this.#queue.then(talk);
    this.#queue = answer.catch(() => {});
    return answer;
  }

  async #ask(message: unknown): Promise<unknown> {
    if (this.#dead) throw new Error(this.#dead);
    this.#command(CORE_YIELD);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending = { resolve, reject };
    this.#worker.postMessage(message);
    try {
      return await promise;
    } finally {
      this.#pending = undefined;
    }
  }

  #command(command: number): void {
    Atomics.store(this.#words, CORE_BLOCK_COMMAND, command);
    this.#options.stub.sx_core_wake(this.handle);
  }

  #receive(message: WorkerReply | { type: "event" }): void {
    if (message.type === "done") this.#pending?.resolve(message.value);
    else if (message.type === "refused") this.#pending?.reject(new Error(message.message));
    else this.#options.onEvent(message);
  }

  #die(reason: string): void {
    if (this.#dead) return;
    this.#dead = reason;
    forgetThread(this.tid);
    this.#pending?.reject(new Error(reason));
    this.#options.onDeath(reason);
  }
}
