/** What a guest executes, recorded and disassembled. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import type { VmConfigInput } from "../../runtime/config.ts";
import type { TraceRecord } from "../../runtime/execution_trace.ts";
import { bzImage } from "../../runtime/boot/synthetic_images.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { command, type CommandResult, engineTest, noise, TempFile } from "../support.ts";

function cliTrace(...args: string[]): Promise<CommandResult> {
  return command(Deno.execPath(), ["run", "-A", "cli/trace.ts", ...args]);
}

/** Lines with single spaces, without the number. */
function linesOf({ code, stdout, stderr }: CommandResult): string[] {
  strictEqual(code, 0, stderr);
  return stdout.trimEnd().split("\n").map((line) => line.replace(/ +/g, " ").trim());
}

/** Everything that a machine executes until it ends. */
async function recordsOf(config: VmConfigInput): Promise<TraceRecord[]> {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({ engine: "soft", trace: {}, ...config });
  const records: TraceRecord[] = [];
  await vm.start();
  const output = vm.output();
  for await (const record of vm.trace()) records.push(record);
  await output;
  strictEqual((await vm.ended).state, "stopped");
  return records;
}

engineTest("trace shows a micro guest's first instructions", async () => {
  const lines = linesOf(await cliTrace("--guest", "hello", "--count", "6"));
  strictEqual(lines.length, 6);
  // guests/lib/boot.S: keeps the start information, and its tables are ready.
  match(lines[0]!, /^0 0000000000100020 89 dd mov ebp,ebx rbp=[0-9a-f]+$/);
  match(lines[1]!, /^1 0000000000100022 0f 01 15( [0-9a-f]{2}){4} lgdt \[[0-9A-F]+h\]$/);
  match(lines[2]!, /^2 0000000000100029 b8 01 00 00 00 mov eax,1 rax=1$/);
  match(lines[3]!, /^3 000000000010002e 0f a2 cpuid rax=/);
});

engineTest("trace stops where it is told to", async () => {
  const at = linesOf(await cliTrace("--guest", "hello", "--stop-at", "0x10002e"));
  match(at.at(-1)!, /^3 000000000010002e /);
  const number = linesOf(
    await cliTrace("--guest", "hello", "--from", "5", "--stop-at-instruction", "8"),
  );
  deepStrictEqual(number.map((line) => line.split(" ")[0]), ["5", "6", "7", "8"]);
  for (const reason of ["io", "30"]) {
    const exit = linesOf(await cliTrace("--guest", "hello", "--stop-at-exit", reason));
    match(exit.at(-1)!, / out .* exit 30 \(io\)$/);
    strictEqual(exit.filter((line) => line.includes("exit 30")).length, 1);
  }
});

engineTest(
  "trace shows the bytes of an undefined instruction and where its exception goes",
  async () => {
    const args = ["--guest", "crash", "--cmdline", "do=exception", "--count", "5000"];
    const lines = linesOf(await cliTrace(...args));
    const at = lines.findIndex((line) => line.includes("#UD"));
    match(lines[at]!, /^\d+ [0-9a-f]{16} 0f 0b ud2 #UD$/);
    match(lines[at + 1]!, /^#UD delivered, at [0-9a-f]+ rsp=/);
  },
);

/** Opcodes that no instruction of 64-bit code has, and how many of their bytes say so. */
const UNDEFINED: Readonly<Record<string, readonly number[]>> = {
  "two bytes": [0x0f, 0x04],
  "a member of a group": [0xff, 0xff],
  "LOCK with MOV": [0xf0, 0x89, 0xc0],
  "removed in 64-bit mode": [0x06],
  "with an operand": [0x0f, 0xc7, 0x84, 0x88, 0x44, 0x33, 0x22, 0x11],
  "more than 15 bytes": Array(16).fill(0x66),
};
const TOO_LONG = 15;

for (const [name, bytes] of Object.entries(UNDEFINED)) {
  engineTest(`trace shows the bytes of an undefined opcode: ${name}`, async () => {
    // What follows is of the file's own padding; there is no IDT, so that the machine ends.
    using file = new TempFile(bzImage({ code: Uint8Array.from([0x90, ...bytes, 0x90, 0x90]) }));
    const lines = linesOf(await cliTrace("--guest", file.path));
    strictEqual(lines.length >= 2, true, lines.join("\n"));
    match(lines[0]!, /^0 0000000000100200 90 nop/);
    const shown = bytes.slice(0, TOO_LONG).map((byte) => byte.toString(16).padStart(2, "0"));
    const vector = bytes.length > TOO_LONG ? "#GP" : "#UD";
    const at = lines[1]!;
    ok(at.startsWith(`1 0000000000100201 ${shown.join(" ")}`), at);
    ok(at.endsWith(` (bad) ${vector}`), at);
  });
}

engineTest("a wrong option of trace is one line and exit code 2", async () => {
  for (
    const [args, line] of [
      [[], /--guest/],
      [["--guest", "hello", "--from", "-1"], /from/],
      [["--guest", "hello", "--count", "0"], /count/],
      [["--guest", "hello", "--stop-at", "main"], /--stop-at main is no address/],
      [["--guest", "hello", "--stop-at-exit", "lunch"], /lunch is no exit reason/],
      [["--guest", "hello", "--engine", "kvm"], /trace: needs the engine soft/],
      [["--guest", "hello", "--json"], /--json/],
    ] as const
  ) {
    const { code, stdout, stderr } = await cliTrace(...args);
    strictEqual(code, 2, stderr);
    strictEqual(stdout, "");
    match(stderr, line);
    strictEqual(stderr.trim().split("\n").length, 1, stderr);
  }
});

engineTest(
  "records count each instruction once and say exits, answers and interrupts",
  async () => {
    using disk = new TempFile(noise(1 << 16));
    const records = await recordsOf({
      guest: "blk",
      disk: disk.path,
      irqchip: "split",
      cmdline: "n=3 interrupts=1",
    });
    const numbers = records.filter(({ kind }) => kind === "instruction" || kind === "fault")
      .map(({ number }) => number);
    ok(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!), "in order");
    const kinds = new Set(records.map(({ kind }) => kind));
    for (const kind of ["start", "instruction", "exit", "answer", "event"] as const) {
      ok(kinds.has(kind), kind);
    }
    strictEqual(
      records.filter(({ kind, detail }) => kind === "event" && detail === 0x20).length,
      3,
    );
    strictEqual(records.at(-1)!.kind, "exit", "the last one powers off");
  },
);

engineTest("on a virtual clock two traces of two vCPUs are the same", async () => {
  const config = {
    guest: "hello",
    clock: "virtual",
    vcpus: 2,
    overcommit: true,
    cmdline: "others=1",
  } as const;
  const first = await recordsOf(config), second = await recordsOf(config);
  ok(first.some(({ vcpu }) => vcpu === 1));
  deepStrictEqual(second, first);
});
