/**
 * What every device model is made of: state that a guest reads and writes, and interfaces for what
 * goes out. A device knows no machine, so it is tested without one.
 */

/** A range of ports or memory that a guest reaches. */
export interface Device {
  /**
   * @param offset from the start of the range
   * @param size in bytes: 1, 2 or 4; the bus halves an access of 8
   * @returns the value; bits above `size` are ignored
   */
  read(offset: number, size: number): number;
  /**
   * @param value bits above `size` are not part of it
   * @returns an outcome of `cores/outcome.ts`: `DONE`, or `RETRY` when something that drains by
   *   itself is full and nothing was done, or what the power switch said
   */
  write(offset: number, size: number, value: number): number;
}

/** A level-triggered or edge-triggered line into the interrupt controller. */
export interface InterruptLine {
  /** Raises or lowers it; the same level twice changes nothing. */
  set(level: boolean): void;
}

/** Sends message-signalled interrupts. */
export interface MessageSink {
  /** Delivers an interrupt message; one that no controller takes is counted and lost. */
  send(addressLo: number, addressHi: number, data: number): void;
}

/** Where bytes go that a guest writes to a line. */
export interface ByteSink {
  /** @returns false when it is full: nothing was taken */
  put(byte: number): boolean;
}

/** Bytes that wait for somebody. */
export interface ByteSource {
  /** The next byte, which stays; negative when there is none. */
  peek(): number;
  /** Takes it away. */
  skip(): void;
}

/** What is at the other end of a line of bytes both ways. */
export interface PortLine {
  /** What the guest finds it by; empty when it has no name. */
  readonly name: string;
  readonly output: ByteSink;
  readonly input: ByteSource;
  /** Whether somebody is there. */
  readonly open: boolean;
}

/** What ends a machine. Each answer is the outcome that the write which asked for it returns. */
export interface PowerSwitch {
  /** @param code the guest's exit code, 0 to 255 */
  off(code: number): number;
  /** The guest asked for a reset: the machine ends as one that powered off. */
  reset(): number;
}

/** Wall time. */
export interface WallClock {
  /** Whole seconds since the Unix epoch. */
  seconds(): number;
}
