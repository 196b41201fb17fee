import { deepStrictEqual, ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { DONE, RETRY } from "../../cores/outcome.ts";
import { TestLine, TestSink, TestSource } from "./test_doubles.ts";
import { Uart16550, UART_PORTS } from "./uart_16550.ts";

const DATA = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7;
const RECEIVED = 1, EMPTIED = 2, LINE = 4, MODEM = 8;
const DTR = 1, RTS = 2, OUT1 = 4, OUT2 = 8, LOOP = 16;
const IDLE = 0x60, READY = 1, OVERRUN = 2;

class Port {
  readonly sink = new TestSink();
  readonly line = new TestLine();
  readonly source = new TestSource();
  readonly uart = new Uart16550(this.sink, this.line, this.source);

  in(register: number): number {
    return this.uart.read(register, 1);
  }

  out(register: number, value: number): void {
    strictEqual(this.uart.write(register, 1, value), DONE);
  }

  receive(...bytes: number[]): void {
    for (const byte of bytes) ok(this.uart.receive(byte));
  }

  take(count: number): number[] {
    return Array.from({ length: count }, () => this.in(DATA));
  }
}

Deno.test("Uart16550 is after a reset as table I of its data sheet says", () => {
  const port = new Port();
  deepStrictEqual([IER, IIR, LCR, MCR, LSR, MSR].map((at) => port.in(at)), [
    0,
    0x01,
    0,
    0,
    IDLE,
    0xb0,
  ]);
  strictEqual(port.line.level, false);
});

Deno.test("write() of THR puts bytes in order and answers RETRY when the sink is full", () => {
  const port = new Port();
  port.out(MCR, OUT2);
  port.out(IER, EMPTIED);
  strictEqual(port.in(IIR), 0x02);
  port.sink.room = 2;
  port.out(DATA, 0x41);
  port.out(DATA, 0x42);
  strictEqual(port.in(IIR), 0x02);
  const { edges } = port.line;
  strictEqual(port.uart.write(DATA, 1, 0x43), RETRY);
  strictEqual(port.uart.write(DATA, 2, 0x0f43), RETRY);
  deepStrictEqual(port.sink.bytes, [0x41, 0x42]);
  deepStrictEqual([port.in(IER), port.in(IIR), port.line.edges], [EMPTIED, 0x01, edges]);
  port.sink.room = 1;
  port.out(DATA, 0x43);
  deepStrictEqual(port.sink.bytes, [0x41, 0x42, 0x43]);
});

Deno.test("the divisor latch hides data and interrupt enable, and keeps what was written", () => {
  const port = new Port();
  port.out(IER, RECEIVED);
  port.out(LCR, 0x83);
  port.out(DATA, 0x34);
  port.out(IER, 0x12);
  deepStrictEqual([port.in(DATA), port.in(IER)], [0x34, 0x12]);
  port.out(LCR, 0x03);
  strictEqual(port.in(IER), RECEIVED);
  deepStrictEqual(port.sink.bytes, []);
});

Deno.test("registers keep the bits that the data sheet gives them", () => {
  const port = new Port();
  for (const [register, bits] of [[IER, 0x0f], [LCR, 0x7f], [MCR, 0x1f], [SCR, 0xff]] as const) {
    port.out(register, bits);
    strictEqual(port.in(register), bits);
    if (register !== LCR) port.out(register, 0xff);
    strictEqual(port.in(register), bits);
  }
});

Deno.test("receive() interrupts at once without FIFOs and takes one byte", () => {
  const port = new Port();
  port.out(MCR, OUT2);
  port.out(IER, RECEIVED);
  port.receive(0x55);
  strictEqual(port.uart.receive(0x66), false);
  strictEqual(port.line.level, true);
  strictEqual(port.in(IIR), 0x04);
  strictEqual(port.in(LSR), IDLE | READY);
  strictEqual(port.in(DATA), 0x55);
  strictEqual(port.line.level, false);
  strictEqual(port.in(LSR), IDLE);
});

Deno.test("the line status tells of a byte that waits on the line", () => {
  const port = new Port();
  port.source.bytes.push(0x55, 0x66);
  strictEqual(port.in(LSR), IDLE | READY);
  strictEqual(port.in(LSR), IDLE | READY);
  deepStrictEqual(port.source.bytes, [0x66]);
  deepStrictEqual(port.take(1), [0x55]);
  strictEqual(port.in(LSR), IDLE | READY);
  deepStrictEqual(port.take(1), [0x66]);
  strictEqual(port.in(LSR), IDLE);
});

Deno.test("receive() fills a FIFO of 16 bytes that come out in order", () => {
  const port = new Port();
  port.out(FCR, 0x01);
  const bytes = Array.from({ length: 16 }, (_, i) => i + 1);
  for (let round = 0; round < 3; round++) {
    port.receive(...bytes);
    strictEqual(port.uart.receive(99), false);
    deepStrictEqual(port.take(16), bytes);
    strictEqual(port.in(LSR), IDLE);
    port.receive(7); // the next round starts at another place
    strictEqual(port.in(DATA), 7);
  }
});

Deno.test("the receiver says timeout below the trigger level and data from it on", () => {
  [1, 4, 8, 14].forEach((trigger, level) => {
    const port = new Port();
    port.out(FCR, 0x01 | level << 6);
    port.out(IER, RECEIVED);
    strictEqual(port.in(IIR), 0xc1);
    for (let count = 1; count <= 16; count++) {
      port.receive(count);
      strictEqual(port.in(IIR), count < trigger ? 0xcc : 0xc4);
    }
    for (let count = 15; count > 0; count--) {
      port.in(DATA);
      strictEqual(port.in(IIR), count < trigger ? 0xcc : 0xc4);
    }
    port.in(DATA);
    strictEqual(port.in(IIR), 0xc1);
  });
});

Deno.test("FIFO control clears the receiver when asked and when FIFOs are switched", () => {
  const port = new Port();
  for (const [before, written, left] of [[1, 0x01, 1], [1, 0x03, 0], [1, 0, 0], [0, 1, 0]]) {
    port.out(FCR, before!);
    port.out(FCR, before! | 2);
    port.take(1);
    port.receive(1);
    port.out(FCR, written!);
    strictEqual(port.in(LSR) & READY, left);
  }
  port.out(FCR, 0);
  port.receive(1);
  port.out(FCR, 0x02); // bit 0 is zero: the others are not programmed
  strictEqual(port.in(LSR) & READY, 1);
});

Deno.test("the empty transmitter interrupts when enabled, after each byte, until IIR said so", () => {
  const port = new Port();
  port.out(MCR, OUT2);
  port.out(IER, EMPTIED);
  strictEqual(port.line.level, true);
  strictEqual(port.in(IIR), 0x02);
  strictEqual(port.in(IIR), 0x01);
  strictEqual(port.line.level, false);
  port.out(IER, EMPTIED);
  strictEqual(port.line.level, false);
  const { edges } = port.line;
  for (let byte = 1; byte <= 3; byte++) {
    port.out(DATA, byte);
    strictEqual(port.line.edges, edges + byte);
  }
  port.out(IER, 0);
  strictEqual(port.line.level, false);
});

Deno.test("causes come in the order of table IV", () => {
  const port = new Port();
  port.out(MCR, LOOP);
  port.out(IER, RECEIVED | EMPTIED | LINE | MODEM);
  port.out(DATA, 1);
  port.out(DATA, 2); // overruns
  strictEqual(port.in(IIR), 0x06);
  strictEqual(port.in(LSR), IDLE | READY | OVERRUN);
  strictEqual(port.in(IIR), 0x04);
  strictEqual(port.in(DATA), 2);
  strictEqual(port.in(IIR), 0x02);
  strictEqual(port.in(IIR), 0x00); // loopback took the terminal's lines away
  strictEqual(port.in(MSR), 0x0b);
  strictEqual(port.in(IIR), 0x01);
});

Deno.test("a full FIFO keeps its bytes, loses the new one and says so once", () => {
  const port = new Port();
  port.out(FCR, 0x01);
  port.out(MCR, LOOP);
  for (let byte = 0; byte < 17; byte++) port.out(DATA, byte);
  strictEqual(port.in(LSR), IDLE | READY | OVERRUN);
  strictEqual(port.in(LSR), IDLE | READY);
  deepStrictEqual(port.take(17), [...Array(16).keys(), 0]);
  deepStrictEqual(port.sink.bytes, []);
});

Deno.test("loopback ties outputs to inputs and tells changes, of the ring indicator its end", () => {
  const port = new Port();
  port.out(MCR, LOOP);
  port.in(MSR);
  const CHANGED = { cts: 1, dsr: 2, ri: 4, dcd: 8 };
  for (
    const [mcr, msr] of [
      [RTS, 0x10 | CHANGED.cts],
      [RTS | DTR, 0x30 | CHANGED.dsr],
      [OUT1, 0x40 | CHANGED.cts | CHANGED.dsr],
      [OUT2, 0x80 | CHANGED.ri | CHANGED.dcd],
      [OUT2, 0x80],
    ] as const
  ) {
    port.out(MCR, LOOP | mcr);
    strictEqual(port.in(MSR), msr);
  }
  strictEqual(port.uart.receive(1), false);
  port.out(MCR, 0);
  strictEqual(port.in(MSR), 0xb0 | CHANGED.cts | CHANGED.dsr);
  port.receive(1);
});

Deno.test("interrupts leave through OUT2 only, and not in loopback", () => {
  const port = new Port();
  port.out(IER, RECEIVED);
  port.receive(1);
  const levels = [0, OUT2, OUT2 | LOOP, OUT2, DTR].map((mcr) => {
    port.out(MCR, mcr);
    return port.line.level;
  });
  deepStrictEqual(levels, [false, true, false, true, false]);
});

Deno.test("a wider access is one of each byte; ports behind the last float", () => {
  const port = new Port();
  strictEqual(port.uart.write(LCR, 4, 0x12_34_0b_03), DONE);
  strictEqual(port.uart.read(LCR, 2), 0x0b03);
  strictEqual(port.uart.write(SCR, 4, 0x5a), DONE);
  strictEqual(port.uart.read(SCR, 2), 0xff5a);
  strictEqual(port.uart.read(SCR, 4), -256 | 0x5a);
});

const access = fc.oneof(
  fc.record({ read: fc.nat(UART_PORTS), size: fc.constantFrom(1, 2, 4) }),
  fc.record({ write: fc.nat(UART_PORTS), size: fc.constantFrom(1, 2, 4), value: fc.integer() }),
  fc.record({ receive: fc.nat(255) }),
  fc.record({ room: fc.nat(3) }),
);

Deno.test("whatever a guest does, reads are in range, bytes bounded, RETRY changes nothing", () => {
  fc.assert(fc.property(fc.array(access, { maxLength: 200, size: "max" }), (steps) => {
    const port = new Port();
    let waiting = 0;
    for (const step of steps) {
      if ("read" in step) {
        const value = port.uart.read(step.read, step.size);
        ok(value === (value | 0) && (step.size === 4 || value >>> 8 * step.size === 0));
      } else if ("write" in step) {
        const { sink, line } = port;
        const before = [sink.bytes.length, line.edges, line.level];
        const outcome = port.uart.write(step.write, step.size, step.value);
        if (outcome === RETRY) {
          strictEqual(sink.room, 0);
          deepStrictEqual([sink.bytes.length, line.edges, line.level], before);
        } else strictEqual(outcome, DONE);
      } else if ("receive" in step) port.uart.receive(step.receive);
      else port.sink.room = step.room;
    }
    port.sink.room = Infinity;
    port.out(LCR, 0);
    while ((port.in(LSR) & READY) !== 0) {
      port.in(DATA);
      ok(++waiting <= 16);
    }
  }));
});
