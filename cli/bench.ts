/** `deno task bench`: the micro-benchmarks. */
import { benchExits } from "../bench/exits.ts";
import { benchIo } from "../bench/io.ts";
import { benchLinux } from "../bench/linux.ts";
import { benchMove } from "../bench/move.ts";
import { benchRing } from "../bench/ring.ts";
import { benchSoft } from "../bench/soft.ts";
import { benchUi } from "../bench/ui.ts";
import { EXIT, usageError } from "../errors.ts";
import { digits } from "../runtime/digits.ts";
import { benchRecordSchema, describeHost, type Row } from "../runtime/records.ts";
import { Runtime } from "../runtime/runtime.ts";
import { interruptible, runCommand } from "./command.ts";
import { keepRecord } from "./keep_record.ts";
import { readOptions } from "./options.ts";
import { table } from "./table.ts";

const BENCHES: Readonly<Record<string, (say: (line: string) => void) => Promise<Row[]>>> = {
  exits: benchExits,
  io: benchIo,
  linux: benchLinux,
  move: benchMove,
  ring: benchRing,
  soft: benchSoft,
  ui: benchUi,
};

const OPTIONS = {
  json: { type: "boolean" },
  check: { type: "boolean" },
  help: { type: "boolean" },
} as const;

const HELP = `deno task bench [name ...] [options]
Names: ${Object.keys(BENCHES).join(", ")}; all of them when none is given.
  --check    exit code 1 when a bound does not hold
  --json     one JSON document for each name on standard output
`;

function show(rows: readonly Row[]): string {
  const cell = (value: number | undefined) => value === undefined ? "" : digits(value);
  const free = rows.filter((row) => row.bound === undefined);
  const held = rows.filter((row) => row.bound !== undefined);
  const figures = table(
    ["measured", "unit", "n", "p50", "p99", "p99.9", "value"],
    free.map((row) => [
      row.name,
      row.unit,
      String(row.n),
      cell(row.p50),
      cell(row.p99),
      cell(row.p999),
      cell(row.value),
    ]),
  );
  if (held.length === 0) return figures;
  return figures + "\n" + table(
    ["row", "unit", "n", "value", "must be", ""],
    held.map((row) => [
      row.name,
      row.unit,
      String(row.n),
      cell(row.value),
      row.bound!,
      row.holds ? "holds" : "MISSED",
    ]),
  );
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, words } = readOptions(args, OPTIONS, true);
  if (values.help) {
    console.log(HELP.trimEnd());
    return EXIT.ok;
  }
  const names = words.length > 0 ? words : Object.keys(BENCHES);
  const unknown = names.find((name) => !Object.hasOwn(BENCHES, name));
  if (unknown !== undefined) {
    const known = Object.keys(BENCHES).join(", ");
    throw usageError("bad-bench", `there is no benchmark "${unknown}"; there are: ${known}`);
  }
  let missed = false;
  for (const name of names) {
    const rows = await interruptible(signal, BENCHES[name]!((line) => console.error(line)));
    await using runtime = await Runtime.open();
    const record = benchRecordSchema.parse({
      schema: "splitx.bench/1",
      name,
      host: describeHost(runtime),
      rows,
    });
    keepRecord(record);
    console.log(values.json ? JSON.stringify(record) : show(rows).trimEnd());
    missed ||= rows.some((row) => row.holds === false);
  }
  return values.check && missed ? EXIT.failed : EXIT.ok;
}

await runCommand("bench", (signal) => main(Deno.args, signal));
