/** What the unit tests of devices hand in for a machine. */
import { POWER_OFF } from "../../cores/outcome.ts";
import type { ByteSink, ByteSource, InterruptLine, PowerSwitch, WallClock } from "./device.ts";

/** A line that remembers its level and counts how often it rose. */
export class TestLine implements InterruptLine {
  level = false;
  edges = 0;

  set(level: boolean): void {
    if (level && !this.level) this.edges++;
    this.level = level;
  }
}

/** A sink that keeps what it took, up to `room` bytes more. */
export class TestSink implements ByteSink {
  readonly bytes: number[] = [];
  room = Infinity;

  put(byte: number): boolean {
    if (this.room === 0) return false;
    this.room--;
    this.bytes.push(byte);
    return true;
  }
}

/** Bytes that wait, as a test put them there. */
export class TestSource implements ByteSource {
  readonly bytes: number[] = [];

  peek(): number {
    return this.bytes[0] ?? -1;
  }

  skip(): void {
    this.bytes.shift();
  }
}

/** A switch that notes what it was asked for, a reset as -1. */
export class TestPower implements PowerSwitch {
  readonly asked: number[] = [];

  off(code: number): number {
    this.asked.push(code);
    return POWER_OFF;
  }

  reset(): number {
    return this.off(-1);
  }
}

/** A clock that stands until it is set. */
export class TestClock implements WallClock {
  #seconds: number;

  /** @param now an ISO date and time in UTC */
  constructor(now: string) {
    this.#seconds = Date.parse(now) / 1000;
  }

  seconds(): number {
    return this.#seconds;
  }

  pass(seconds: number): void {
    this.#seconds += seconds;
  }
}
