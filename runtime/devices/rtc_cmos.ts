/**
 * The real-time clock of a PC and its battery-backed memory (Motorola MC146818A data sheet), on an
 * index port and a data port. It tells UTC. Nothing interrupts: alarms are kept and never ring.
 */
import { DONE } from "../../cores/outcome.ts";
import { ByteDevice } from "./byte_device.ts";
import type { WallClock } from "./device.ts";

/** How many ports it has: index, data. */
export const RTC_PORTS = 2;

const INDEX = 0;
/** Bit 7 of the index masks NMIs; it is not part of the index. */
const INDEX_BITS = 0x7f;
const BYTES = 128;

/** Time registers. Those between them hold the alarm. */
const SECONDS = 0x00;
const MINUTES = 0x02;
const HOURS = 0x04;
/** 1 is Sunday. */
const WEEKDAY = 0x06;
const DAY = 0x07;
const MONTH = 0x08;
/** Of its century. */
const YEAR = 0x09;
/** Where PCs keep the century: the FADT says so too. */
export const CENTURY = 0x32;

const STATUS_A = 0x0a;
/** An update is near: never set, since a time is read in one piece. */
const A_UPDATING = 1 << 7;
/** Divider chain; these two bits together hold it, and the time with it. */
const A_DIVIDER_HELD = 0x60;
/** A 32.768 kHz crystal, a periodic rate of 1024 Hz. */
const A_INITIAL = 0x26;

const STATUS_B = 0x0b;
/** Twenty-four hours, not two times twelve. */
const B_24_HOURS = 1 << 1;
/** Binary, not BCD. */
const B_BINARY = 1 << 2;
/** Interrupts after each update; `B_SET` clears it. */
const B_UPDATE_INTERRUPT = 1 << 4;
/** The time stands while it is being set. */
const B_SET = 1 << 7;

/** Interrupts that are pending: none. */
const STATUS_C = 0x0c;
const STATUS_D = 0x0d;
/** The battery is good: time and memory are valid. */
const D_VALID = 1 << 7;

/** Of the hour, in twelve-hour mode. */
const AFTERNOON = 1 << 7;

/** Sizes of memory that a BIOS looks up, low byte first; the PC AT's, then Bochs' and QEMU's. */
const BASE_KIB = 0x15;
/** Above 1 MiB, in KiB. */
const EXTENDED_KIB = 0x17;
const EXTENDED_KIB_COPY = 0x30;
/** Above 16 MiB and below 4 GiB, in 64 KiB. */
const HIGH_64KIB = 0x34;
/** Above 4 GiB, in 64 KiB; three bytes. */
const ABOVE_4G_64KIB = 0x5b;

const KIB = 1024, MIB = 1024 ** 2;
/** Memory below the hole of the PC. */
const BASE_MEMORY_KIB = 640;

/** A machine's memory in bytes. */
export interface MemorySizes {
  readonly below4GiB: number;
  readonly above4GiB: number;
}

function isTime(register: number): boolean {
  return register >= WEEKDAY && register <= YEAR || register === CENTURY ||
    register === SECONDS || register === MINUTES || register === HOURS;
}

/** See the head of this file. */
export class RtcCmos extends ByteDevice {
  readonly #clock: WallClock;
  readonly #bytes = new Uint8Array(BYTES);
  /** Takes times apart and puts them together. */
  readonly #date = new Date(0);
  /** The time that the registers show, NaN when they may show another: taking one apart allocates. */
  #shown = NaN;
  /** Seconds that the guest's time is ahead of the clock. */
  #offset = 0;
  #index = 0;

  constructor(clock: WallClock, memory: MemorySizes) {
    super(RTC_PORTS);
    this.#clock = clock;
    this.#bytes[STATUS_A] = A_INITIAL;
    this.#bytes[STATUS_B] = B_24_HOURS;
    this.#bytes[STATUS_D] = D_VALID;
    this.#storeMemorySizes(memory);
  }

  /** The index cannot be read back. */
  protected override readByte(port: number): number {
    if (port === INDEX) return 0xff;
    if (isTime(this.#index) && this.#running) this.#showTime();
    return this.#bytes[this.#index]!;
  }

  protected override writeByte(port: number, value: number): number {
    if (port === INDEX) this.#index = value & INDEX_BITS;
    else this.#store(this.#index, value);
    return DONE;
  }

  #store(register: number, value: number): void {
    switch (register) {
      case STATUS_A:
        this.#control(STATUS_A, value & ~A_UPDATING);
        break;
      case STATUS_B:
        this.#control(STATUS_B, (value & B_SET) !== 0 ? value & ~B_UPDATE_INTERRUPT : value);
        break;
      case STATUS_C:
      case STATUS_D:
        break;
      default:
        this.#change(register, value);
    }
  }

  #change(register: number, value: number): void {
    const moves = isTime(register) && this.#running;
    if (moves) this.#showTime();
    this.#bytes[register] = value;
    if (moves) this.#takeTime();
  }

  /**
   * Stops the time, or lets it go on from what its registers hold: they are read and written in
   * the format that was in force.
   */
  #control(register: number, value: number): void {
    if (this.#running) this.#showTime();
    else this.#takeTime();
    this.#bytes[register] = value;
    this.#shown = NaN;
  }

  get #running(): boolean {
    return (this.#bytes[STATUS_B]! & B_SET) === 0 &&
      (this.#bytes[STATUS_A]! & A_DIVIDER_HELD) !== A_DIVIDER_HELD;
  }

  #showTime(): void {
    const now = this.#clock.seconds() + this.#offset;
    if (now === this.#shown) return;
    this.#shown = now;
    const date = this.#date, bytes = this.#bytes;
    date.setTime(now * 1000);
    const year = date.getUTCFullYear();
    bytes[SECONDS] = this.#encode(date.getUTCSeconds());
    bytes[MINUTES] = this.#encode(date.getUTCMinutes());
    bytes[HOURS] = this.#encodeHours(date.getUTCHours());
    bytes[WEEKDAY] = this.#encode(date.getUTCDay() + 1);
    bytes[DAY] = this.#encode(date.getUTCDate());
    bytes[MONTH] = this.#encode(date.getUTCMonth() + 1);
    bytes[YEAR] = this.#encode(year % 100);
    bytes[CENTURY] = this.#encode(Math.floor(year / 100));
  }

  /** The weekday follows from the date. */
  #takeTime(): void {
    const date = this.#date;
    const year = 100 * this.#decode(CENTURY) + this.#decode(YEAR);
    date.setUTCFullYear(year, this.#decode(MONTH) - 1, this.#decode(DAY));
    date.setUTCHours(this.#decodeHours(), this.#decode(MINUTES), this.#decode(SECONDS), 0);
    this.#offset = date.getTime() / 1000 - this.#clock.seconds();
    this.#shown = NaN;
  }

  #encode(value: number): number {
    if ((this.#bytes[STATUS_B]! & B_BINARY) !== 0) return value;
    return Math.floor(value / 10) << 4 | value % 10;
  }

  #decode(register: number): number {
    return this.#decodeByte(this.#bytes[register]!);
  }

  #decodeByte(byte: number): number {
    return (this.#bytes[STATUS_B]! & B_BINARY) !== 0 ? byte : 10 * (byte >>> 4) + (byte & 0x0f);
  }

  #encodeHours(hours: number): number {
    if ((this.#bytes[STATUS_B]! & B_24_HOURS) !== 0) return this.#encode(hours);
    return this.#encode(hours % 12 || 12) | (hours >= 12 ? AFTERNOON : 0);
  }

  #decodeHours(): number {
    const byte = this.#bytes[HOURS]!;
    if ((this.#bytes[STATUS_B]! & B_24_HOURS) !== 0) return this.#decodeByte(byte);
    return this.#decodeByte(byte & ~AFTERNOON) % 12 + ((byte & AFTERNOON) !== 0 ? 12 : 0);
  }

  #storeMemorySizes({ below4GiB, above4GiB }: MemorySizes): void {
    const above = (start: number, unit: number) =>
      Math.min(Math.floor(Math.max(0, below4GiB - start) / unit), 0xffff);
    const extended = above(MIB, KIB);
    this.#storeNumber(BASE_KIB, 2, Math.min(below4GiB / KIB, BASE_MEMORY_KIB));
    this.#storeNumber(EXTENDED_KIB, 2, extended);
    this.#storeNumber(EXTENDED_KIB_COPY, 2, extended);
    this.#storeNumber(HIGH_64KIB, 2, above(16 * MIB, 64 * KIB));
    this.#storeNumber(ABOVE_4G_64KIB, 3, above4GiB / (64 * KIB));
  }

  #storeNumber(at: number, bytes: number, value: number): void {
    for (let i = 0; i < bytes; i++) this.#bytes[at + i] = value / 2 ** (8 * i);
  }
}
