/** `deno task trace`: what a guest executes, disassembled. */
import { EXIT, usageError } from "../errors.ts";
import { parseWith, vmConfigSchema } from "../runtime/config.ts";
import type { TraceRecord } from "../runtime/execution_trace.ts";
import { Runtime } from "../runtime/runtime.ts";
import { reasonName } from "../runtime/exit_reasons.ts";
import { EXIT_REASONS } from "../cores/abi.ts";
import { interruptible, runCommand } from "./command.ts";
import { configOf, MACHINE_HELP, MACHINE_OPTIONS } from "./machine_options.ts";
import { type OptionValues, readOptions, textOf } from "./options.ts";
import { TraceText } from "./trace_text.ts";

const { "trace-hash": _, ...MACHINE } = MACHINE_OPTIONS;

const OPTIONS = {
  ...MACHINE,
  from: { type: "string" },
  count: { type: "string" },
  "stop-at": { type: "string" },
  "stop-at-exit": { type: "string" },
  "stop-at-instruction": { type: "string" },
  help: { type: "boolean" },
} as const;

/** Kinds of records that are an instruction. */
const INSTRUCTIONS = new Set<TraceRecord["kind"]>(["instruction", "fault", "exit"]);

/** Instructions that are shown when no option says when to stop. */
const COUNT = 1000;

const HELP = `deno task trace --guest NAME|FILE|linux [options]
Prints each instruction that the engine soft executes: number, address, bytes, what it is, and which
registers it changed. Ends with the guest, or after ${COUNT} instructions unless told otherwise.
  --from N                 shows instructions from number N on (0)
  --count N                so many
  --stop-at ADDRESS        up to the first one at this address
  --stop-at-exit REASON    up to the first exit with this reason: a number, or io, hlt, ept-violation ...
  --stop-at-instruction N  up to number N
and those that describe the machine:
${MACHINE_HELP.split("\n").filter((line) => !line.includes("--trace-hash")).join("\n")}
`;

function numberOf(values: OptionValues, name: string): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw usageError("bad-option", `--${name} ${text} is no number of instructions`);
}

function addressOf(values: OptionValues): bigint | undefined {
  const text = textOf(values, "stop-at");
  if (text === undefined) return undefined;
  const match = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text);
  if (match) return BigInt(`0x${match[1]}`);
  throw usageError("bad-option", `--stop-at ${text} is no address: write it in hexadecimal`);
}

function reasonOf(values: OptionValues): number | undefined {
  const text = textOf(values, "stop-at-exit");
  if (text === undefined) return undefined;
  for (let reason = 0; reason < EXIT_REASONS; reason++) {
    if (text === String(reason) || text === reasonName(reason)) return reason;
  }
  throw usageError("bad-option", `--stop-at-exit ${text} is no exit reason: write io, or 30`);
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values } = readOptions(args, OPTIONS);
  if (values.help) {
    console.log(HELP.trimEnd());
    return EXIT.ok;
  }
  if (values.guest === undefined) {
    throw usageError("bad-option", "name a guest with --guest: a bundled one, a file, or linux");
  }
  const from = numberOf(values, "from") ?? 0;
  const stopAt = addressOf(values), stopReason = reasonOf(values);
  const stopNumber = numberOf(values, "stop-at-instruction");
  const stops = stopAt !== undefined || stopReason !== undefined || stopNumber !== undefined;
  const count = numberOf(values, "count") ?? (stops ? Number.MAX_SAFE_INTEGER : COUNT);
  const input = { engine: "soft" as const, ...await configOf(values, ""), trace: { from, count } };
  const config = parseWith(vmConfigSchema, input, "options");
  const last = from + count - 1;
  const isLast = ({ kind, number, rip, detail }: TraceRecord) =>
    (kind === "exit" && detail === stopReason) ||
    (INSTRUCTIONS.has(kind) && (rip === stopAt || number >= (stopNumber ?? last)));

  await using runtime = await Runtime.open({ progress: (line) => console.error(line) });
  await using vm = runtime.createVm(input);
  using text = new TraceText(config.vcpus > 1);
  const encoder = new TextEncoder();
  const show = async () => {
    for await (const record of vm.trace()) {
      const line = text.line(record);
      if (line) Deno.stdout.writeSync(encoder.encode(`${line}\n`));
      if (isLast(record)) return;
    }
  };
  await vm.start();
  const printed = vm.output(); // no part of the trace, but a guest waits when nobody reads it
  await interruptible(signal, show());
  await vm.stop();
  await printed;
  return EXIT.ok;
}

await runCommand("trace", (signal) => main(Deno.args, signal));
