/** `deno task lab`: a command, in this checkout, on an emulated machine with hardware KVM. */
import { resolve } from "node:path";
import { EXIT, usageError } from "../errors.ts";
import { runInLab } from "../lab/machine.ts";
import { runCommand } from "./command.ts";
import { type OptionValues, readOptions, textOf, textsOf } from "./options.ts";

const OPTIONS = {
  with: { type: "string", multiple: true },
  cores: { type: "string" },
  verbose: { type: "boolean" },
  help: { type: "boolean" },
} as const;

const MOST_CORES = 16;

const HELP = `deno task lab [options] -- COMMAND [ARGUMENTS]
Runs a command, such as \`deno task run --guest hello\`, in this checkout on an emulated machine whose
processor has SVM: KVM runs guests natively there, and slowly, for it is emulated. The exit code is
the command's.
  --with=FILE  a file of this host that the command finds at the same place; any number of them
  --cores=N    processors of the machine (2)
  --verbose    firmware, kernel and QEMU on standard error
`;

/** How many processors the machine has. */
function coresOf(values: OptionValues): number {
  const text = textOf(values, "cores") ?? "2", cores = Number(text);
  if (!/^\d{1,2}$/.test(text) || cores < 1 || cores > MOST_CORES) {
    throw usageError("bad-option", `--cores=${text}: write a number from 1 to ${MOST_CORES}`);
  }
  return cores;
}

function writeAll(stream: typeof Deno.stdout | typeof Deno.stderr, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  // Behind the first word every option is the command's.
  const first = args.findIndex((arg) => arg === "--" || !arg.startsWith("-"));
  const own = first < 0 ? args : args.slice(0, first);
  const command = first < 0 ? [] : args.slice(args[first] === "--" ? first + 1 : first);
  const { values } = readOptions(own, OPTIONS);
  if (values.help) {
    console.log(HELP.trimEnd());
    return EXIT.ok;
  }
  if (command.length === 0) {
    throw usageError(
      "no-command",
      "no command for the lab; for example: deno task lab -- deno task run --guest hello",
    );
  }
  const show = (bytes: Uint8Array) => writeAll(Deno.stderr, bytes);
  const files = textsOf(values, "with").map((path) => resolve(path));
  return await runInLab(command, { cores: coresOf(values), files }, signal, {
    stdout: (bytes) => writeAll(Deno.stdout, bytes),
    stderr: show,
    ...(values.verbose ? { machine: show } : {}),
    progress: (line) => console.error(line),
  });
}

await runCommand("lab", (signal) => main(Deno.args, signal));
