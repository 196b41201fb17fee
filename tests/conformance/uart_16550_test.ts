/**
 * The serial port answers as QEMU's does.
 *
 * Not compared, since the two differ by design or the data sheet leaves it open:
 * - trigger levels above one: QEMU tells bytes below them by a timer, and its clock stands here;
 * - changes of modem inputs and their interrupt: QEMU notices none in loopback;
 * - RBR while no byte waits;
 * - FIFO control without its enable bit, other than to switch the FIFOs off.
 *
 * QEMU's line is not gated by MCR.OUT2: levels are compared where the gate is open.
 */
import { deepStrictEqual } from "node:assert";
import fc from "fast-check";
import { TestLine, TestSink, TestSource } from "../../runtime/devices/test_doubles.ts";
import { Uart16550 } from "../../runtime/devices/uart_16550.ts";
import { qemuTest, TempFile } from "../support.ts";
import { type Answer, Qtest, readPort, writePort } from "./qtest.ts";

const COM1 = 0x3f8, IRQ = 4;
const DATA = 0, IER = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7;
const DIVISOR_SHOWN = 0x80, READY = 1, MODEM_INTERRUPT = 8, INPUTS = 0xf0;
const OUT2 = 8, LOOP = 16;

interface Access {
  readonly register: number;
  /** Absent: a read. */
  readonly value?: number;
}

const write = (register: number, value: number): Access => ({ register, value });

/** From any state into that of a reset: switching the FIFOs clears them, reading forgets. */
const RESET: readonly Access[] = [
  ...[write(LCR, 0), write(MCR, 0), write(IER, 0), write(FCR, 1), write(FCR, 0), write(SCR, 0)],
  ...[write(LCR, DIVISOR_SHOWN), write(DATA, 12), write(IER, 0), write(LCR, 0)],
  ...[{ register: LSR }, { register: MSR }],
];

const writes = (register: number, value: fc.Arbitrary<number>) =>
  value.map((value) => [write(register, value)]);
const byte = fc.nat(255);

/** Fills the receiver beyond its end through loopback. */
const flood = fc.record({ fifo: fc.nat(1), count: fc.nat(18) }).map(({ fifo, count }) => [
  ...[write(LCR, 3), write(FCR, fifo), write(MCR, LOOP | OUT2)],
  ...Array.from({ length: count }, (_, i) => write(DATA, i)),
]);

const accesses = fc.array(
  fc.oneof<fc.WeightedArbitrary<Access[]>[]>(
    { weight: 8, arbitrary: fc.nat(SCR).map((register) => [{ register }]) },
    { weight: 4, arbitrary: fc.constant([{ register: LSR }, { register: DATA }]) },
    { weight: 6, arbitrary: writes(DATA, byte) },
    { weight: 2, arbitrary: writes(IER, byte.map((value) => value & ~MODEM_INTERRUPT)) },
    { weight: 2, arbitrary: writes(FCR, fc.constantFrom(0, 1, 3, 5, 7)) },
    { weight: 1, arbitrary: writes(LCR, byte) },
    { weight: 1, arbitrary: writes(LCR, fc.constant(3)) },
    { weight: 3, arbitrary: writes(MCR, fc.constantFrom(0, OUT2, OUT2 | LOOP, LOOP)) },
    { weight: 1, arbitrary: writes(MCR, byte) },
    { weight: 1, arbitrary: fc.constantFrom(LSR, MSR, SCR).chain((at) => writes(at, byte)) },
    { weight: 2, arbitrary: flood },
  ),
  { maxLength: 80, size: "max" },
).map((parts) => parts.flat());

/** What both answer, reduced to what can be compared. */
function comparable(steps: readonly Access[], answers: readonly Answer[]): unknown[] {
  let divisor = false, gated = true;
  return steps.map(({ register, value: written }, i) => {
    if (register === LCR && written !== undefined) divisor = (written & DIVISOR_SHOWN) !== 0;
    if (register === MCR && written !== undefined) gated = (written & (OUT2 | LOOP)) !== OUT2;
    const ready = steps[i - 1]?.register === LSR && (answers[i - 1]!.value & READY) !== 0;
    const undefinedByte = register === DATA && !divisor && !ready;
    const bits = undefinedByte ? 0 : register === MSR ? INPUTS : 0xff;
    const { value, level } = answers[i]!;
    return [i, register, written, value & bits, gated ? undefined : level];
  });
}

function runOurs(steps: readonly Access[], sink: TestSink): Answer[] {
  const line = new TestLine();
  const uart = new Uart16550(sink, line, new TestSource());
  return steps.map(({ register, value }) => {
    if (value !== undefined) uart.write(register, 1, value);
    return { value: value === undefined ? uart.read(register, 1) : 0, level: line.level };
  });
}

function runQemu(qtest: Qtest, steps: readonly Access[]): Promise<Answer[]> {
  return qtest.run(
    steps.map(({ register, value }) =>
      value === undefined ? readPort(COM1 + register) : writePort(COM1 + register, value)
    ),
  );
}

qemuTest(
  "a serial port answers any accesses as QEMU's does, and sends the same bytes",
  async () => {
    using output = new TempFile("");
    await using qtest = await Qtest.start(IRQ, ["-serial", `file:${output.path}`]);
    await fc.assert(
      fc.asyncProperty(accesses, async (steps) => {
        await runQemu(qtest, RESET);
        const sent = Deno.statSync(output.path).size;
        const theirs = comparable(steps, await runQemu(qtest, steps));
        const sink = new TestSink();
        deepStrictEqual(comparable(steps, runOurs(steps, sink)), theirs);
        deepStrictEqual(Uint8Array.from(sink.bytes), Deno.readFileSync(output.path).slice(sent));
      }),
      { numRuns: 500 },
    );
  },
);
