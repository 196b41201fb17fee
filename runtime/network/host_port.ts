/**
 * A machine's network device on something of the host's: a TAP interface, or the socket of a
 * process. The kernel moves the bytes.
 */
import type { Stub } from "../../cores/stub.ts";
import type { SegmentList } from "../devices/virtio/segment_list.ts";
import { type FramePort, GONE, LOST } from "./frame_port.ts";

/**
 * When what was empty is looked at again, milliseconds, for a look is a system call: after a part of
 * the time in which no frame came or went, but not sooner nor later than these.
 */
const SOONEST_MS = 0.002, LATEST_MS = 0.02, PART = 1 / 8;
/**
 * Negative errno: no frame waits; it was larger than the room; nobody is at the other end any more.
 */
const EMPTY = -11, TOO_LARGE = -90, NOT_CONNECTED = -107;

/** The stub's functions for a kind of handle. */
export interface FrameCalls {
  readonly send: Stub["sx_tap_send"];
  readonly receive: Stub["sx_tap_receive"];
  readonly giveWay: Stub["sx_thread_yield"];
}

/** See the head of this file. The host's own queue keeps what comes while nobody listens. */
export class HostPort implements FramePort {
  readonly #calls: FrameCalls;
  readonly #handle: number;
  readonly #vm: number;
  readonly #ticks: () => number;
  readonly #soonest: number;
  readonly #latest: number;
  #up = false;
  #gone = false;
  /** It is to be looked at now. */
  #eager = false;
  /** The last look found a frame, and nothing was sent since. */
  #found = false;
  /** A frame came since the core was given away. */
  #answers = true;
  /** Ticks of the last look, and of the last frame. */
  #looked = 0;
  #moved = 0;

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
    this.#soonest = SOONEST_MS * ticksPerMs;
    this.#latest = LATEST_MS * ticksPerMs;
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
    if (this.#eager) return true;
    const now = this.#ticks(), rest = Math.max(this.#soonest, PART * (now - this.#moved));
    return now - this.#looked >= Math.min(this.#latest, rest);
  }

  send(frame: SegmentList): boolean {
    const { words, count, bytes } = frame;
    if (this.#gone) return false;
    const sent = this.#calls.send(this.#handle, this.#vm, words, count) === bytes;
    // The host's kernel may have answered within the call.
    this.#eager = true;
    this.#found = false;
    this.#moved = this.#ticks();
    return sent;
  }

  receive(room: SegmentList): number {
    let got = this.#calls.receive(this.#handle, this.#vm, room.words, room.count);
    if (got === EMPTY && this.#eager && !this.#found && this.#answers) {
      // Who is to answer what was sent may wait for this very core; who never answers is not waited for.
      this.#answers = false;
      this.#calls.giveWay();
      got = this.#calls.receive(this.#handle, this.#vm, room.words, room.count);
    }
    const found = got > 0 || got === TOO_LARGE;
    this.#looked = this.#ticks();
    if (found) {
      this.#moved = this.#looked;
      this.#answers = true;
    }
    // One frame may be an answer, which is all that comes; two are the beginning of a stream.
    this.#eager = found && this.#found;
    this.#found = found;
    if (got === NOT_CONNECTED) {
      this.#gone = true;
      return GONE;
    }
    return got === TOO_LARGE ? LOST : Math.max(0, got);
  }
}
