/** A machine's network device on a TAP interface of the host. The kernel moves the bytes. */
import type { Stub } from "../../cores/stub.ts";
import type { SegmentList } from "../devices/virtio/segment_list.ts";
import { type FramePort, LOST } from "./frame_port.ts";

/** How often an interface that was empty is looked at, milliseconds: a look is a system call. */
const LOOK_MS = 0.02;
/** Negative errno: the frame was larger than the room. */
const TOO_LARGE = -90;

/** See the head of this file. The host's own queue keeps what comes while nobody listens. */
export class TapPort implements FramePort {
  /** The core is not woken by what comes. */
  readonly unannounced = true;
  readonly #stub: Stub;
  readonly #tap: number;
  readonly #vm: number;
  readonly #lookTicks: number;
  #up = false;
  /** The last look found a frame, and there may be more. */
  #more = false;
  /** Ticks of the last look that found none. */
  #looked = 0;

  /**
   * @param tap the stub's handle of the interface
   * @param vm the stub's handle of the machine
   */
  constructor(stub: Stub, tap: number, vm: number, ticksPerMs: number) {
    this.#stub = stub;
    this.#tap = tap;
    this.#vm = vm;
    this.#lookTicks = LOOK_MS * ticksPerMs;
  }

  set up(listens: boolean) {
    this.#up = listens;
  }

  get pending(): boolean {
    if (!this.#up || this.#more) return this.#up;
    return this.#stub.sx_tsc() - this.#looked >= this.#lookTicks;
  }

  send(frame: SegmentList): boolean {
    return this.#stub.sx_tap_send(this.#tap, this.#vm, frame.words, frame.count) === frame.bytes;
  }

  receive(room: SegmentList): number {
    const got = this.#stub.sx_tap_receive(this.#tap, this.#vm, room.words, room.count);
    this.#more = got > 0 || got === TOO_LARGE;
    if (!this.#more) this.#looked = this.#stub.sx_tsc();
    return got === TOO_LARGE ? LOST : Math.max(0, got);
  }
}
