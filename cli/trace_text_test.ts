import { strictEqual } from "node:assert";
import type { TraceKind, TraceRecord } from "../runtime/execution_trace.ts";
import { TraceText } from "./trace_text.ts";

const NOP = [0x90];

function record(
  kind: TraceKind,
  code: readonly number[],
  more: Partial<TraceRecord> & { rax?: bigint } = {},
): TraceRecord {
  const { rax = 0n, ...rest } = more;
  const registers = new BigUint64Array(16);
  registers[0] = rax;
  return {
    kind,
    number: 7,
    vcpu: 0,
    rip: 0x1000n,
    detail: 0,
    code: new Uint8Array(code),
    bits: 64,
    registers,
    flags: 2n,
    ...rest,
  };
}

/** Lines with single spaces. */
function lines(records: readonly TraceRecord[], several = false): (string | undefined)[] {
  using text = new TraceText(several);
  return records.map((one) => text.line(one)?.replace(/ +/g, " ").trim());
}

Deno.test("line() says number, address, bytes, instruction and what has changed", () => {
  const [start, first, second] = lines([
    record("start", []),
    record("instruction", [0x48, 0xff, 0xc0], { rax: 1n, flags: 2n }),
    record("instruction", NOP, { rax: 1n, flags: 0x46n, number: 8, rip: 0x1003n }),
  ]);
  strictEqual(start, undefined);
  strictEqual(first, "7 0000000000001000 48 ff c0 inc rax rax=1");
  strictEqual(second, "8 0000000000001003 90 nop flags=PZ");
});

Deno.test("line() decodes for the code's size", () => {
  const code = [0x40, 0x90]; // REX and NOP in 64-bit mode, INC AX or EAX elsewhere
  const text = (bits: 16 | 32 | 64) => lines([record("instruction", code, { bits })])[0];
  strictEqual(text(64), "7 0000000000001000 40 90 nop");
  strictEqual(text(32), "7 0000000000001000 40 inc eax");
  strictEqual(text(16), "7 0000000000001000 40 inc ax");
});

Deno.test("line() shows the bytes of an instruction that does not exist", () => {
  const [line] = lines([record("fault", [0x06, 0x01, 0x02], { detail: 6 })]);
  strictEqual(line, "7 0000000000001000 06 01 02 (bad) #UD");
});

Deno.test("line() tells exits, answers and interrupts, and of several vCPUs which", () => {
  const told = lines([
    record("start", []),
    record("exit", [0xed], { detail: 30, vcpu: 1 }),
    record("answer", [], { vcpu: 1, rax: 0xffn }),
    record("answer", [], { vcpu: 1, rax: 0xffn }),
    record("event", [], { vcpu: 1, rax: 0xffn, detail: 0x20, rip: 0x2000n }),
    record("event", [], { vcpu: 1, rax: 0xffn, detail: 14, rip: 0x3000n }),
  ], true);
  strictEqual(told[1], "vCPU 1 7 0000000000001000 ed in eax,dx exit 30 (io)");
  strictEqual(told[2], "vCPU 1 answered rax=ff");
  strictEqual(told[3] || undefined, undefined);
  strictEqual(told[4], "vCPU 1 interrupt 0x20 delivered, at 2000");
  strictEqual(told[5], "vCPU 1 #PF delivered, at 3000");
});
