/** `deno task experiment`: runs experiments, and compares what they found. */
import { join } from "node:path";
import { EXIT, usageError } from "../errors.ts";
import { describeExperiments, findExperiment } from "../experiments/catalogue.ts";
import { compareRuns } from "../experiments/compare.ts";
import type { Context, Experiment, Figure, SamplingParameters } from "../experiments/experiment.ts";
import { readParameters } from "../experiments/parameters.ts";
import {
  type ExperimentResult,
  runExperiment,
  type RunnerOptions,
  type Sample,
} from "../experiments/runner.ts";
import { parseWith } from "../runtime/config.ts";
import {
  describeHost,
  type ExperimentRecord,
  experimentRecordSchema,
  type HostRecord,
} from "../runtime/records.ts";
import { type JournalEntry, RunJournal } from "../runtime/run_journal.ts";
import { RunStore, type StoredRun } from "../runtime/run_store.ts";
import { Runtime } from "../runtime/runtime.ts";
import { runCommand } from "./command.ts";
import { ProgressLine } from "./experiment_progress.ts";
import { comparisonText, listText, rowsText, runsText } from "./experiment_text.ts";
import { keepRecord } from "./keep_record.ts";
import { type OptionValues, readOptions, textOf, textsOf } from "./options.ts";

const OPTIONS = {
  list: { type: "boolean" },
  set: { type: "string", multiple: true },
  resume: { type: "boolean" },
  out: { type: "string" },
  runs: { type: "boolean" },
  compare: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean" },
} as const;

const HELP = `deno task experiment NAME [options]
deno task experiment --list
deno task experiment --runs
deno task experiment --compare RUN RUN
  --set KEY=VALUE   a parameter of the experiment; --list shows them; a list is separated by commas
  --resume          goes on with the experiment of this name that was interrupted last
  --out DIR         writes NAME.html there: a report that stands alone
  --json            one JSON document on standard output
  --runs            the runs that are kept
  --compare         two of them, figure by figure: how the second differs from the first
Ctrl-C keeps what has been measured, for --resume.
`;

const RUNS_SHOWN = 30;
function storedRun(store: RunStore, word: string): StoredRun<ExperimentRecord> {
  const found = /^\d{1,15}$/.test(word) ? store.experiment(Number(word)) : undefined;
  if (found) return found;
  throw usageError("bad-run", `there is no run "${word}" of an experiment; --runs lists them`);
}

async function compare(words: readonly string[], json: boolean): Promise<void> {
  const [a, b] = words;
  if (a === undefined || b === undefined || words.length > 2) {
    throw usageError("bad-comparison", "--compare takes two runs; --runs lists them");
  }
  using store = RunStore.open();
  const record = await compareRuns(storedRun(store, a), storedRun(store, b));
  console.log(json ? JSON.stringify(record) : comparisonText(record).trimEnd());
}

function list(json: boolean): void {
  const experiments = describeExperiments();
  console.log(
    json
      ? JSON.stringify({ schema: "splitx.experiments/1", experiments })
      : listText(experiments).trimEnd(),
  );
}

function listRuns(json: boolean): void {
  using store = RunStore.open();
  const runs = store.experiments(RUNS_SHOWN);
  console.log(
    json ? JSON.stringify({ schema: "splitx.runs/1", runs }) : runsText(runs).trimEnd(),
  );
}

/** What was interrupted and can go on here. */
function interrupted(journal: RunJournal, name: string, host: HostRecord): JournalEntry {
  const entry = journal.unfinished(name);
  if (!entry) throw usageError("nothing-to-resume", `no experiment ${name} was interrupted`);
  const here = [host.cpu, host.cores, host.native], there = entry.host;
  if (here.join() !== [there.cpu, there.cores, there.native].join()) {
    throw usageError(
      "other-host",
      `${name} was interrupted on another host (${there.cpu}, cores ${there.cores}, native ` +
        `${there.native}): start it anew`,
    );
  }
  return entry;
}

/** Makes the folder before the work, so that a wrong one costs none. */
function makeFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw usageError("bad-folder", `--out ${folder}: ${(error as Error).message}`);
  }
}

/** What is in the journal of an experiment that begins or goes on. */
interface Begun {
  readonly id: number;
  readonly parameters: SamplingParameters;
  readonly stored: readonly Sample[];
}

function begin(
  experiment: Experiment,
  settings: readonly string[],
  runtime: Runtime,
  journal: RunJournal,
  host: HostRecord,
): Begun {
  const parameters = readParameters(experiment, settings);
  experiment.points(parameters, runtime); // a wrong parameter is found here
  return { id: journal.begin(experiment.name, parameters, host), parameters, stored: [] };
}

function goOn(experiment: Experiment, journal: RunJournal, host: HostRecord): Begun {
  const entry = interrupted(journal, experiment.name, host);
  const stored = journal.samples<readonly Figure[]>(entry.id);
  console.error(`${stored.length} measurements are kept since ${entry.at}`);
  const what = `parameters of ${experiment.name}`;
  return {
    id: entry.id,
    parameters: parseWith(experiment.parameters, entry.parameters, what),
    stored,
  };
}

async function writeReport(
  folder: string,
  experiment: Experiment,
  record: ExperimentRecord,
): Promise<void> {
  // Drawing takes longer to load than all the rest.
  const { reportOf } = await import("../experiments/report.ts");
  const path = join(folder, `${record.name}.html`);
  Deno.writeTextFileSync(path, reportOf(experiment, record, new Date().toISOString()));
  console.error(`report: ${path}`);
}

async function run(
  experiment: Experiment,
  values: OptionValues,
  signal: AbortSignal,
): Promise<number> {
  const { name } = experiment, settings = textsOf(values, "set"), folder = textOf(values, "out");
  if (values.resume && settings.length > 0) {
    throw usageError("bad-option", "--resume goes on with the parameters that it had: no --set");
  }
  readParameters(experiment, settings);
  if (folder !== undefined) makeFolder(folder);
  await using runtime = await Runtime.open({ progress: (line) => console.error(line) });
  const host = describeHost(runtime);
  using journal = RunJournal.open();
  const { id, parameters, stored } = values.resume
    ? goOn(experiment, journal, host)
    : begin(experiment, settings, runtime, journal, host);
  const result = await measure(experiment, parameters, { runtime, signal }, {
    stored,
    keep: (sample) => journal.keep(id, sample),
  });
  if (!result.finished) {
    console.error(`what was measured is kept: deno task experiment ${name} --resume`);
    return EXIT.interrupted;
  }
  const { rows } = result;
  const record = experimentRecordSchema.parse({
    schema: "splitx.experiment/1",
    name,
    host,
    parameters,
    rows,
  });
  const number = keepRecord(record);
  if (number !== undefined) {
    journal.forget(id);
    console.error(`kept as run ${number}`);
  }
  if (folder !== undefined) await writeReport(folder, experiment, record);
  if (values.json) console.log(JSON.stringify(record));
  else console.log([rowsText(rows), ...experiment.summary(rows)].join("\n"));
  return EXIT.ok;
}

async function measure(
  experiment: Experiment,
  parameters: SamplingParameters,
  context: Context,
  options: RunnerOptions,
): Promise<ExperimentResult> {
  using line = new ProgressLine();
  const progress = line.tell.bind(line);
  return await runExperiment(experiment, parameters, context, { ...options, progress });
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, words } = readOptions(args, OPTIONS, true);
  const json = values.json === true;
  if (values.help) console.log(HELP.trimEnd());
  else if (values.compare) await compare(words, json);
  else if (words.length > 1) {
    throw usageError("bad-option", `one experiment at a time, not ${words.join(" and ")}`);
  } else if (values.list) list(json);
  else if (values.runs) listRuns(json);
  else if (words.length === 0) {
    throw usageError("bad-experiment", "name an experiment; --list shows them");
  } else return await run(findExperiment(words[0]!), values, signal);
  return EXIT.ok;
}

await runCommand("experiment", (signal) => main(Deno.args, signal));
