/** Where the frames of a network device go, and where those for it come from. */
import type { SegmentList } from "../devices/virtio/segment_list.ts";

/** The longest frame without its check sequence: 1,500 bytes, both addresses, type, a VLAN tag. */
export const FRAME_MAX = 1518;
/** Both addresses and the type. */
export const FRAME_MIN = 14;

/** Answer of {@link FramePort.receive}: the frame was longer than the room for it and is lost. */
export const LOST = -1;
/** Answer of {@link FramePort.receive}: the other end is gone for good. */
export const GONE = -2;

/** One end of a network. Nothing here allocates. */
export interface FramePort {
  /** Whether frames come without anything that wakes the core. */
  readonly unannounced: boolean;
  /** Whether somebody listens. */
  set up(listens: boolean);
  /** Whether a frame may wait, at no more cost than a look. */
  readonly pending: boolean;
  /**
   * Sends a frame.
   *
   * @param frame from `FRAME_MIN` to `FRAME_MAX` bytes
   * @returns false when it is lost
   */
  send(frame: SegmentList): boolean;
  /**
   * Takes the next frame.
   *
   * @param room where it is put
   * @returns its bytes, 0 when there is none, `LOST`, or `GONE`
   */
  receive(room: SegmentList): number;
}
