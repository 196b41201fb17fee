/**
 * A machine's network device on something of the host's: a TAP interface, or the socket of a
 * process. The kernel moves the bytes.
 */
import type { Stub } from "../../cores/stub.ts";
import type { SegmentList } from "../devices/virtio/segment_list.ts";
import { type FramePort, GONE, LOST } from "./frame_port.ts";

/** How often what was empty is looked at, milliseconds: a look is a system call. */
const LOOK_MS = 0.02;
/** Negative errno: the frame was larger than the room; nobody is at the other end any more. */
const TOO_LARGE = -90, NOT_CONNECTED = -107;

/** The stub's functions for a kind of handle. */
export interface FrameCalls {
  readonly send: Stub["sx_tap_send"];
  readonly receive: Stub["sx_tap_receive"];
}

/** See the head of this file. The host's own queue keeps what comes while nobody listens. */
export class HostPort implements FramePort {
  readonly #calls: FrameCalls;
  readonly #handle: number;
  readonly #vm: number;
  readonly #ticks: () => number;
  readonly #lookTicks: number;
  #up = false;
  #gone = false;
  /** The last look found a frame, and there may be more. */
  #more = false;
  /** Ticks of the last look that found none. */
  #looked = 0;

  /**
   * @param handle the stub's, of what the calls are for
   * @param vm the stub's handle of the machine
   */
  constructor(
    calls: FrameCalls,
    handle: number,
    vm: number,
    ticks: () => number,
    ticksPerMs: number,
  ) {
    this.#calls = calls;
    this.#handle = handle;
    this.#vm = vm;
    this.#ticks = ticks;
    this.#lookTicks = LOOK_MS * ticksPerMs;
  }

  set up(listens: boolean) {
    this.#up = listens;
  }

  /** The core is not woken by what comes. */
  get unannounced(): boolean {
    return !this.#gone;
  }

  get pending(): boolean {
    if (!this.#up || this.#gone) return false;
    return this.#more || this.#ticks() - this.#looked >= this.#lookTicks;
  }

  send(frame: SegmentList): boolean {
    const { words, count, bytes } = frame;
    return !this.#gone && this.#calls.send(this.#handle, this.#vm, words, count) === bytes;
  }

  receive(room: SegmentList): number {
    const got = this.#calls.receive(this.#handle, this.#vm, room.words, room.count);
    this.#more = got > 0 || got === TOO_LARGE;
    if (!this.#more) this.#looked = this.#ticks();
    if (got === NOT_CONNECTED) {
      this.#gone = true;
      return GONE;
    }
    return got === TOO_LARGE ? LOST : Math.max(0, got);
  }
}
