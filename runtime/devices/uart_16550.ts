/**
 * A 16550A serial port (National PC16550D data sheet, June 1995, section 8), as a PC wires it:
 * MCR.OUT2 gates the interrupt, and a terminal that is always there holds CTS, DSR and DCD.
 *
 * A byte is on the line as soon as it is written, so the transmitter is always empty. No time
 * passes in the receiver either: bytes below the trigger level have timed out at once.
 */
import { DONE, RETRY } from "../../cores/outcome.ts";
import { ByteDevice } from "./byte_device.ts";
import type { ByteSink, ByteSource, InterruptLine } from "./device.ts";

/** How many ports it has. */
export const UART_PORTS = 8;

/** Received byte when read, byte to send when written; low divisor byte under `LCR_DIVISOR`. */
const DATA = 0;
/** Which causes interrupt; high divisor byte under `LCR_DIVISOR`. */
const INTERRUPT_ENABLE = 1;
/** Interrupt identification when read, FIFO control when written. */
const INTERRUPT_ID = 2;
const LINE_CONTROL = 3;
const MODEM_CONTROL = 4;
const LINE_STATUS = 5;
const MODEM_STATUS = 6;
const SCRATCH = 7;

/** 8.7: received data, and its timeout. */
const IER_RECEIVED = 1 << 0;
/** The transmitter is empty. */
const IER_EMPTIED = 1 << 1;
/** An error of the receiver. */
const IER_LINE = 1 << 2;
/** An input from the modem changed. */
const IER_MODEM = 1 << 3;
/** The other bits are always zero. */
const IER_BITS = 0x0f;

/** Table IV: causes, the most urgent first. */
const CAUSE_LINE = 0x06;
const CAUSE_RECEIVED = 0x04;
const CAUSE_TIMEOUT = 0x0c;
const CAUSE_EMPTIED = 0x02;
const CAUSE_MODEM = 0x00;
const CAUSE_NONE = 0x01;
/** The FIFOs are on. */
const IIR_FIFO = 0xc0;

/** 8.5: both FIFOs on; while it is zero the other bits are not programmed. */
const FCR_ENABLE = 1 << 0;
const FCR_CLEAR_RECEIVER = 1 << 1;
const FCR_CLEAR_TRANSMITTER = 1 << 2;
/** The top two bits choose how many received bytes interrupt. */
const FCR_TRIGGER_SHIFT = 6;
const TRIGGERS = Uint8Array.of(1, 4, 8, 14);
/** Bytes in the receiver's FIFO: it never grows. */
const FIFO_BYTES = 16;

/** 8.1: the first two registers are the divisor. */
const LCR_DIVISOR = 1 << 7;

/** 8.8: outputs to the modem. */
const MCR_DTR = 1 << 0;
const MCR_RTS = 1 << 1;
const MCR_OUT1 = 1 << 2;
/** On a PC: lets interrupts out. */
const MCR_OUT2 = 1 << 3;
/** The transmitter feeds the receiver, the outputs the inputs; the pins are cut off. */
const MCR_LOOP = 1 << 4;
/** The other bits are always zero. */
const MCR_BITS = 0x1f;

/** 8.4: a received byte waits. */
const LSR_READY = 1 << 0;
/** A byte was lost; cleared by reading. */
const LSR_OVERRUN = 1 << 1;
/** Nothing waits to be sent, nothing is being sent. */
const LSR_IDLE = 1 << 6 | 1 << 5;

/** 8.9: inputs from the modem. */
const MSR_CTS = 1 << 4;
const MSR_DSR = 1 << 5;
const MSR_RI = 1 << 6;
const MSR_DCD = 1 << 7;
/** The bit that says that an input changed lies this far below the input. */
const MSR_CHANGE_SHIFT = 4;
/** What a terminal that is always there holds. */
const TERMINAL = MSR_CTS | MSR_DSR | MSR_DCD;

/** 9600 baud of the 1.8432 MHz crystal. */
const INITIAL_DIVISOR = 12;

/** The inputs that loopback makes of the outputs (8.8, bit 4). */
function loopedInputs(mcr: number): number {
  return ((mcr & MCR_RTS) !== 0 ? MSR_CTS : 0) | ((mcr & MCR_DTR) !== 0 ? MSR_DSR : 0) |
    ((mcr & MCR_OUT1) !== 0 ? MSR_RI : 0) | ((mcr & MCR_OUT2) !== 0 ? MSR_DCD : 0);
}

/** See the head of this file. */
export class Uart16550 extends ByteDevice {
  readonly #sink: ByteSink;
  readonly #line: InterruptLine;
  readonly #source: ByteSource;
  /** Received bytes in a circle; without FIFOs only one place is used. */
  readonly #received = new Uint8Array(FIFO_BYTES);
  #first = 0;
  #count = 0;
  #capacity = 1;
  #trigger = 1;
  #overrun = false;
  /** The transmitter became empty and IIR has not said so yet. */
  #emptied = false;
  #inputs = TERMINAL;
  #changes = 0;
  #ier = 0;
  #lcr = 0;
  #mcr = 0;
  #scratch = 0;
  #divisor = INITIAL_DIVISOR;

  /**
   * @param sink where sent bytes go
   * @param source what comes in, as the receiver has room
   */
  constructor(sink: ByteSink, line: InterruptLine, source: ByteSource) {
    super(UART_PORTS);
    this.#sink = sink;
    this.#line = line;
    this.#source = source;
  }

  /** Takes a byte that waits, when there is one and room for it. */
  poll(): boolean {
    const byte = this.#source.peek();
    if (byte < 0 || !this.receive(byte)) return false;
    this.#source.skip();
    return true;
  }

  /**
   * A byte comes in.
   *
   * @returns false when the receiver is full or cut off by loopback: nothing was taken
   */
  receive(byte: number): boolean {
    if (this.#looped || this.#count === this.#capacity) return false;
    this.#accept(byte);
    this.#signal();
    return true;
  }

  protected override readByte(register: number): number {
    switch (register) {
      case DATA:
        return this.#divisorShown ? this.#divisor & 0xff : this.#take();
      case INTERRUPT_ENABLE:
        return this.#divisorShown ? this.#divisor >>> 8 : this.#ier;
      case INTERRUPT_ID:
        return this.#identify();
      case LINE_CONTROL:
        return this.#lcr;
      case MODEM_CONTROL:
        return this.#mcr;
      case LINE_STATUS:
        if (this.#count === 0) this.poll();
        return this.#lineStatus();
      case MODEM_STATUS:
        return this.#modemStatus();
      default:
        return this.#scratch;
    }
  }

  /** Line and modem status are written in factory tests only (8.4, 8.9). */
  protected override writeByte(register: number, value: number): number {
    switch (register) {
      case DATA:
        if (!this.#divisorShown) return this.#send(value);
        this.#divisor = this.#divisor & 0xff00 | value;
        break;
      case INTERRUPT_ENABLE:
        if (!this.#divisorShown) this.#enable(value & IER_BITS);
        else this.#divisor = this.#divisor & 0xff | value << 8;
        break;
      case INTERRUPT_ID:
        this.#controlFifos(value);
        break;
      case LINE_CONTROL:
        this.#lcr = value;
        break;
      case MODEM_CONTROL:
        this.#controlModem(value & MCR_BITS);
        break;
      case SCRATCH:
        this.#scratch = value;
    }
    return DONE;
  }

  get #divisorShown(): boolean {
    return (this.#lcr & LCR_DIVISOR) !== 0;
  }

  get #looped(): boolean {
    return (this.#mcr & MCR_LOOP) !== 0;
  }

  #send(byte: number): number {
    const looped = this.#looped;
    if (!looped && !this.#sink.put(byte)) return RETRY;
    // Low between two bytes: an interrupt controller that looks for edges finds one for each.
    this.#emptied = false;
    this.#signal();
    if (looped) this.#accept(byte);
    this.#emptied = true;
    this.#signal();
    return DONE;
  }

  /** One that finds no place is lost; without FIFOs it takes the place of the other (8.4, bit 1). */
  #accept(byte: number): void {
    if (this.#count < this.#capacity) {
      this.#received[(this.#first + this.#count) % FIFO_BYTES] = byte;
      this.#count++;
      return;
    }
    this.#overrun = true;
    if (this.#capacity === 1) this.#received[this.#first] = byte;
  }

  /** What an empty receiver reads as is not defined; zero here. */
  #take(): number {
    if (this.#count === 0) return 0;
    const byte = this.#received[this.#first]!;
    this.#first = (this.#first + 1) % FIFO_BYTES;
    this.#count--;
    this.#signal();
    return byte;
  }

  /** Drivers rely on a cause that is enabled while the transmitter is empty to interrupt at once. */
  #enable(ier: number): void {
    if (((this.#ier ^ ier) & IER_EMPTIED) !== 0) this.#emptied = (ier & IER_EMPTIED) !== 0;
    this.#ier = ier;
    this.#signal();
  }

  #identify(): number {
    const cause = this.#cause();
    if (cause === CAUSE_EMPTIED) {
      this.#emptied = false;
      this.#signal();
    }
    return this.#capacity === FIFO_BYTES ? cause | IIR_FIFO : cause;
  }

  /** Switching the FIFOs on or off clears them (8.5, bit 0). */
  #controlFifos(value: number): void {
    const enabled = (value & FCR_ENABLE) !== 0;
    const switched = enabled !== (this.#capacity === FIFO_BYTES);
    if (!enabled && !switched) return;
    this.#capacity = enabled ? FIFO_BYTES : 1;
    this.#trigger = enabled ? TRIGGERS[value >>> FCR_TRIGGER_SHIFT]! : 1;
    if (switched || (value & FCR_CLEAR_RECEIVER) !== 0) this.#count = 0;
    if (switched || (value & FCR_CLEAR_TRANSMITTER) !== 0) this.#emptied = true;
    this.#signal();
  }

  #controlModem(mcr: number): void {
    this.#mcr = mcr;
    const inputs = this.#looped ? loopedInputs(mcr) : TERMINAL;
    // The ring indicator tells its end only (8.9, bit 2).
    const changed = (inputs ^ this.#inputs) & ~(inputs & MSR_RI);
    this.#inputs = inputs;
    this.#changes |= changed >>> MSR_CHANGE_SHIFT;
    this.#signal();
  }

  #lineStatus(): number {
    const status = LSR_IDLE | (this.#count > 0 ? LSR_READY : 0) |
      (this.#overrun ? LSR_OVERRUN : 0);
    this.#overrun = false;
    this.#signal();
    return status;
  }

  #modemStatus(): number {
    const status = this.#inputs | this.#changes;
    this.#changes = 0;
    this.#signal();
    return status;
  }

  #cause(): number {
    const ier = this.#ier;
    if ((ier & IER_LINE) !== 0 && this.#overrun) return CAUSE_LINE;
    if ((ier & IER_RECEIVED) !== 0 && this.#count > 0) {
      return this.#count >= this.#trigger ? CAUSE_RECEIVED : CAUSE_TIMEOUT;
    }
    if ((ier & IER_EMPTIED) !== 0 && this.#emptied) return CAUSE_EMPTIED;
    if ((ier & IER_MODEM) !== 0 && this.#changes !== 0) return CAUSE_MODEM;
    return CAUSE_NONE;
  }

  /** Loopback cuts OUT2 off as well, and holds it inactive (8.8, bit 4). */
  #signal(): void {
    const gate = (this.#mcr & (MCR_OUT2 | MCR_LOOP)) === MCR_OUT2;
    this.#line.set(gate && this.#cause() !== CAUSE_NONE);
  }
}
