import { deepStrictEqual, strictEqual } from "node:assert";
import { Ioapic, type IoapicRoute } from "./ioapic.ts";

const SELECT = 0, WINDOW = 0x10, EOI = 0x40;
const LEVEL = 1 << 15, MASKED = 1 << 16, REMOTE_IRR = 1 << 14, LOGICAL = 1 << 11;
const PIN = 9, VECTOR = 0x31;

function ioapicOf() {
  const messages: string[] = [], routes: (readonly IoapicRoute[])[] = [];
  const ioapic = new Ioapic(
    {
      send: (lo, _hi, data) =>
        void messages.push(`${(lo >>> 0).toString(16)} ${data.toString(16)}`),
    },
    (all) => void routes.push(all),
  );
  const read = (register: number) => {
    ioapic.write(SELECT, 4, register);
    return ioapic.read(WINDOW, 4) >>> 0;
  };
  const write = (register: number, value: number) => {
    ioapic.write(SELECT, 4, register);
    ioapic.write(WINDOW, 4, value);
  };
  const program = (low: number, high = 0) => {
    write(0x11 + 2 * PIN, high);
    write(0x10 + 2 * PIN, low);
  };
  return { ioapic, messages, routes, read, write, program, line: ioapic.line(PIN) };
}

Deno.test("at power-on every pin is masked, and the version tells 24 of them", () => {
  const { read } = ioapicOf();
  strictEqual(read(1), 0x00170020);
  for (let pin = 0; pin < 24; pin++) strictEqual(read(0x10 + 2 * pin), MASKED);
  strictEqual(read(0x40), 0); // beyond the table
});

Deno.test("an edge is one message, however long the line stays up", () => {
  const { messages, program, line } = ioapicOf();
  program(VECTOR, 0x03000000);
  line.set(true);
  line.set(true);
  line.set(false);
  deepStrictEqual(messages, ["fee03000 31"]);
  line.set(true);
  strictEqual(messages.length, 2);
});

Deno.test("delivery mode and logical destination are the message's", () => {
  const { messages, program, line } = ioapicOf();
  program(VECTOR | LOGICAL | 0x100, 0xff000000 | 0);
  line.set(true);
  deepStrictEqual(messages, ["feeff004 131"]);
});

Deno.test("an edge that comes while the pin is masked is lost, a level is not", () => {
  const { messages, program, line } = ioapicOf();
  program(VECTOR | MASKED);
  line.set(true);
  program(VECTOR);
  deepStrictEqual(messages, []);
  program(VECTOR | LEVEL | MASKED);
  deepStrictEqual(messages, []);
  program(VECTOR | LEVEL);
  deepStrictEqual(messages, ["fee00000 c031"]);
});

Deno.test("a level is sent once until its interrupt has ended, and again while it stands", () => {
  const { ioapic, messages, program, read, line } = ioapicOf();
  program(VECTOR | LEVEL);
  line.set(true);
  line.set(false);
  line.set(true);
  strictEqual(messages.length, 1);
  strictEqual(read(0x10 + 2 * PIN), VECTOR | LEVEL | REMOTE_IRR);
  ioapic.endOfInterrupt(VECTOR + 1);
  strictEqual(messages.length, 1);
  ioapic.endOfInterrupt(VECTOR);
  strictEqual(messages.length, 2);
  line.set(false);
  ioapic.write(EOI, 4, VECTOR);
  strictEqual(messages.length, 2);
  strictEqual(read(0x10 + 2 * PIN), VECTOR | LEVEL);
});

Deno.test("remote IRR cannot be written, and goes when the pin becomes edge-triggered", () => {
  const { program, read, line } = ioapicOf();
  program(VECTOR | LEVEL | REMOTE_IRR);
  strictEqual(read(0x10 + 2 * PIN), VECTOR | LEVEL);
  line.set(true);
  program(VECTOR | LEVEL | MASKED);
  strictEqual(read(0x10 + 2 * PIN), VECTOR | LEVEL | MASKED | REMOTE_IRR);
  program(VECTOR | MASKED);
  strictEqual(read(0x10 + 2 * PIN), VECTOR | MASKED);
});

Deno.test("routes are told when a level-triggered pin changes, and only then", () => {
  const { routes, program } = ioapicOf();
  program(VECTOR, 0x01000000);
  deepStrictEqual(routes, []);
  program(VECTOR | LEVEL, 0x01000000);
  const route = { pin: PIN, address: 0xfee01000 | 0, data: 0xc031 };
  deepStrictEqual(routes, [[route]]);
  program(VECTOR | LEVEL, 0x01000000);
  strictEqual(routes.length, 1);
  program(VECTOR);
  deepStrictEqual(routes.at(-1), []);
});

Deno.test("a pin that asks an 8259 for its vector sends nothing", () => {
  const { messages, program, line } = ioapicOf();
  program(VECTOR | 0x700);
  line.set(true);
  deepStrictEqual(messages, []);
});
