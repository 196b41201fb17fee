/**
 * The clock and the CMOS memory answer as QEMU's do, at a time that stands.
 *
 * Not compared, since the two differ by design:
 * - UIP and status C: ours has no moment of update and no interrupts;
 * - a time in a format other than its registers', or that is no date: garbage in both, each its own;
 * - years before 1970 and from 2262 on: QEMU counts unsigned nanoseconds;
 * - byte 0x37, a second century of QEMU's, and bytes that nobody wrote: QEMU's BIOS finds more there.
 *
 * A register that is written while the time runs is read first: QEMU takes the others from what
 * was read last.
 */
import { deepStrictEqual } from "node:assert";
import fc from "fast-check";
import { RtcCmos } from "../../runtime/devices/rtc_cmos.ts";
import { TestClock } from "../../runtime/devices/test_doubles.ts";
import { qemuTest } from "../support.ts";
import { Qtest, readPort, writePort } from "./qtest.ts";

const START = "2024-02-29T23:59:58";
const INDEX_PORT = 0x70, DATA_PORT = 0x71, IRQ = 8;
const SECONDS = 0, MINUTES = 2, HOURS = 4, WEEKDAY = 6, DAY = 7, MONTH = 8, YEAR = 9;
const CENTURY = 0x32, A = 0x0a, B = 0x0b, D = 0x0d;
const TIME = [SECONDS, MINUTES, HOURS, WEEKDAY, DAY, MONTH, YEAR, CENTURY];
const SET = 0x80, BINARY = 0x04, HOURS_24 = 0x02, AFTERNOON = 0x80, UPDATING = 0x80;
const RUNNING = 0x26, HELD = 0x76;
/** Ends of sizes that a BIOS looks up. */
const SIZES = [0x15, 0x16, 0x17, 0x18, 0x30, 0x31, 0x34, 0x35, 0x5b, 0x5c, 0x5d];
const MIB = 1024 ** 2;

/** An access by index: a value is written, none is a read. */
interface Access {
  readonly register: number;
  readonly value?: number;
}

const write = (register: number, value: number): Access => ({ register, value });
const reads = (registers: readonly number[]): Access[] =>
  registers.map((register) => ({ register }));

/** A register's byte in a format of status B. */
function encode(register: number, value: number, mode: number): number {
  const byte = (value: number) => (mode & BINARY) !== 0 ? value : Number.parseInt(`${value}`, 16);
  if (register !== HOURS || (mode & HOURS_24) !== 0) return byte(value);
  return byte(value % 12 || 12) | (value >= 12 ? AFTERNOON : 0);
}

const mode = fc.constantFrom(0, BINARY, HOURS_24, BINARY | HOURS_24);
const LIMITS = [
  ...[[SECONDS, 0, 59], [MINUTES, 0, 59], [HOURS, 0, 23], [WEEKDAY, 1, 7]],
  ...[[DAY, 1, 31], [MONTH, 1, 12], [YEAR, 0, 99], [CENTURY, 20, 21]],
].map(([register, min, max]) => ({ register: register!, min: min!, max: max! }));
const field = fc.constantFrom(...LIMITS).chain(({ register, ...limits }) =>
  fc.integer(limits).map((value) => ({ register, value }))
);
const date = fc.date({
  min: new Date("2000-01-01"),
  max: new Date("2199-12-30"),
  noInvalidDate: true,
});

/** Sets the whole time, with the divider held or not. */
const setTime = fc.record({ date, mode, hold: fc.boolean() }).map(({ date, mode, hold }) => {
  const fields = [
    ...[[SECONDS, date.getUTCSeconds()], [MINUTES, date.getUTCMinutes()]],
    ...[[HOURS, date.getUTCHours()], [WEEKDAY, date.getUTCDay() + 1], [DAY, date.getUTCDate()]],
    ...[[MONTH, date.getUTCMonth() + 1], [YEAR, date.getUTCFullYear() % 100]],
    ...[[CENTURY, Math.floor(date.getUTCFullYear() / 100)]],
  ].map(([register, value]) => write(register!, encode(register!, value!, mode)));
  return [
    ...[write(B, mode), write(B, mode | SET), ...(hold ? [write(A, HELD)] : [])],
    ...[...fields, ...reads(TIME)],
    ...[write(B, mode), ...reads(TIME), ...(hold ? [write(A, RUNNING)] : [])],
  ];
});

/** Moves one part of a running time. */
const move = fc.record({ field, mode }).map(({ field: { register, value }, mode }) => [
  ...[write(B, mode), ...reads([register])],
  write(register, encode(register, value, mode)),
]);

/** Stops the time, changes nothing, lets it go on. */
const stop = mode.map((mode) => [write(B, mode), write(B, mode | SET), write(B, mode)]);

const kept = fc.record({
  register: fc.oneof(fc.constantFrom(1, 3, 5, 0x0e, 0x0f), fc.integer({ min: 0x38, max: 0x7f })),
  value: fc.nat(255),
}).map(({ register, value }) => [write(register | 0x80, value), ...reads([register])]);

const readOnly = fc.nat(255).map((value) => [write(D, value)]);

const steps = fc.array(fc.oneof(setTime, move, stop, kept, readOnly), {
  maxLength: 12,
  size: "max",
}).map((parts) => [
  ...[write(A, RUNNING), write(B, HOURS_24)],
  ...parts.flatMap((part) => [...part, ...reads([...TIME, A, B, D])]),
]);

/** Of both: a fixed time first, then the same steps. */
const FIRST = [
  ...[write(A, RUNNING), write(B, HOURS_24 | SET)],
  ...TIME.map((register, i) => write(register, [1, 2, 3, 2, 1, 1, 0x24, 0x20][i]!)),
  write(B, HOURS_24),
];

function bits(register: number): number {
  return register === A ? 0xff & ~UPDATING : 0xff;
}

function runOurs(device: RtcCmos, accesses: readonly Access[]): number[] {
  return accesses.flatMap(({ register, value }) => {
    device.write(0, 1, register);
    if (value === undefined) return [device.read(1, 1) & bits(register)];
    device.write(1, 1, value);
    return [];
  });
}

async function runQemu(qtest: Qtest, accesses: readonly Access[]): Promise<number[]> {
  const answers = await qtest.run(accesses.flatMap(({ register, value }) => [
    writePort(INDEX_PORT, register),
    value === undefined ? readPort(DATA_PORT) : writePort(DATA_PORT, value),
  ]));
  return accesses.flatMap(({ register, value }, i) =>
    value === undefined ? [answers[2 * i + 1]!.value & bits(register)] : []
  );
}

qemuTest("the clock shows and takes any time in any format as QEMU's does", async () => {
  await using qtest = await Qtest.start(IRQ, ["-rtc", `base=${START},clock=vm`]);
  const device = new RtcCmos(new TestClock(`${START}Z`), { below4GiB: 0, above4GiB: 0 });
  const all = reads([...TIME, B, D]);
  deepStrictEqual(runOurs(device, all), await runQemu(qtest, all));
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      const accesses = [...FIRST, ...steps];
      deepStrictEqual(runOurs(device, accesses), await runQemu(qtest, accesses));
    }),
    { numRuns: 200 },
  );
});

for (const [total, below4GiB] of [[24, 24], [1024, 1024], [5120, 2048]] as const) {
  qemuTest(`the CMOS memory tells the sizes of ${total} MiB as QEMU's does`, async () => {
    await using qtest = await Qtest.start(IRQ, ["-m", `${total}`]);
    const device = new RtcCmos(new TestClock(`${START}Z`), {
      below4GiB: below4GiB * MIB,
      above4GiB: (total - below4GiB) * MIB,
    });
    deepStrictEqual(runOurs(device, reads(SIZES)), await runQemu(qtest, reads(SIZES)));
  });
}
