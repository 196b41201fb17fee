/** Each experiment at its smallest, and the command: record, report, interruption, comparison. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { findExperiment } from "../../experiments/catalogue.ts";
import { pairRows } from "../../experiments/rows.ts";
import { comparisonRecordSchema, experimentRecordSchema } from "../../runtime/records.ts";
import { RunJournal } from "../../runtime/run_journal.ts";
import { cliExperiment, engineTest, eventually, noise, PROJECT, TempFile } from "../support.ts";

const SMALLEST = ["repetitions=2", "warmUp=0"];
const SETTINGS = {
  exits: ["parts=exits", "trials=20", "workingSet=16384"],
  overhead: ["parts=overhead", "every=3000,300", "turns=30000"],
  guests: ["parts=guests", "guests=1,2", "milliseconds=5", "modelledGuests=1,8,16"],
};

const set = (settings: readonly string[]) => settings.flatMap((setting) => ["--set", setting]);

/** Runs an experiment and gives its record. */
async function record(
  name: string,
  settings: readonly string[],
  folder: string,
  more: string[] = [],
) {
  const args = [name, "--json", ...set([...SMALLEST, ...settings]), ...more];
  const { code, stdout, stderr } = await cliExperiment(args, { XDG_STATE_HOME: folder });
  strictEqual(code, 0, stderr);
  return experimentRecordSchema.parse(JSON.parse(stdout));
}

engineTest("splitx says what exits cost, measured beside modelled", async () => {
  using state = new TempFile("");
  const { rows } = await record("splitx", SETTINGS.exits, state.folder);
  const find = (name: string, exit: string, placement: string, kind: string) =>
    rows.find((row) =>
      row.name === name && row.at?.exit === exit && row.placement === placement && row.kind === kind
    )!;
  const total = "cost of the event";
  for (const { measured, modelled } of pairRows(rows.filter((row) => row.name === total))) {
    ok(measured!.value! > 0 && modelled!.value! > 0, "both kinds of each");
    strictEqual(measured!.n, 2);
  }
  // The model: a trap on one core, a round trip of two cache lines between two.
  const trap = find(total, "OUT", "same-core", "modelled").value!;
  const trip = find(total, "OUT", "split", "modelled").value!;
  ok(trap >= 2000 && trap < 2100, `${trap} cycles`);
  ok(trip >= 450 && trip < 550, `${trip} cycles`);
  for (const placement of ["same-core", "split"]) {
    const parts = ["direct", "synchronous"].map((name) =>
      find(name, "OUT", placement, "measured").samples!
    );
    const sums = parts[0]!.map((value, i) => value + parts[1]![i]!);
    for (const [i, sum] of sums.entries()) {
      ok(Math.abs(sum - find(total, "OUT", placement, "measured").samples![i]!) < 1e-6);
    }
    ok(find("indirect", "OUT", placement, "measured"));
  }
  const posted = find("synchronous", "OUT, posted when split", "split", "measured");
  strictEqual(posted.value, 0, "nobody waits for a posted exit");
  const curve = rows.filter((row) =>
    row.name === "an access after the event" && row.at!.exit === "OUT" && row.placement === "split"
  );
  deepStrictEqual(curve.map((row) => row.at!.accesses), [16, 64, 256]);
});

engineTest(
  "splitx says what share events take, most for the classical way in the model",
  async () => {
    using state = new TempFile("");
    const { rows } = await record("splitx", SETTINGS.overhead, state.folder);
    const share = (way: string) =>
      rows.find((row) =>
        row.name === "overhead" && row.kind === "modelled" && row.at!.way === way &&
        row.at!.every === 300
      )!.value!;
    const order = [
      "same-core exit, ELI's whole cost",
      "same-core exit",
      "split, synchronous",
      "split, posted",
      "split, eliminated",
    ].map(share);
    deepStrictEqual(order, order.toSorted((a, b) => b - a));
    ok(order[0]! < 1 && order[4]! > 0);
    strictEqual(rows.filter((row) => row.name === "overhead" && row.kind === "measured").length, 8);
  },
);

engineTest("splitx says how many guests a hypervisor core serves", async () => {
  using state = new TempFile("");
  const { rows } = await record("splitx", SETTINGS.guests, state.folder);
  const modelled = rows.filter((row) => row.name === "request p99" && row.kind === "modelled");
  const values = modelled.map((row) => row.value!);
  deepStrictEqual(values, values.toSorted((a, b) => a - b));
  const limit = rows.find((row) =>
    row.name === "guests until p99 doubles" && row.kind === "modelled"
  );
  strictEqual(limit!.value, 8);
  const measured = rows.filter((row) => row.name === "request p99" && row.kind === "measured");
  deepStrictEqual(measured.map((row) => row.at!.guests), [1, 2]);
});

engineTest(
  "placement runs the whole matrix, writes a report and is kept for comparison",
  async () => {
    using disk = new TempFile(noise(16 * 4096)), state = new TempFile("");
    const settings = [`disk=${disk.path}`], env = { XDG_STATE_HOME: state.folder };
    const { rows } = await record("placement", settings, state.folder, ["--out", state.folder]);
    strictEqual(rows.filter((row) => row.name === "throughput").length, 8);
    const exits = rows.filter((row) => row.name === "exits on the guest core");
    for (const row of exits) {
      const polled = row.placement === "split" && row.notification === "polled";
      ok(polled ? row.value! < 12 : row.value! >= 16, JSON.stringify(row));
    }
    match(Deno.readTextFileSync(`${state.folder}/placement.html`), /^<!doctype html>[\s\S]*<svg/);

    await record("placement", settings, state.folder);
    const listed = await cliExperiment(["--runs"], env);
    match(listed.stdout, /^2 +placement .*\n1 +placement /m);
    const compared = await cliExperiment(["--compare", "1", "2", "--json"], env);
    const comparison = comparisonRecordSchema.parse(JSON.parse(compared.stdout));
    strictEqual(comparison.unmatched, 0);
    for (const row of comparison.rows) {
      if (row.kind === "modelled") strictEqual(row.difference, 0, "a model is the same each time");
      else ok(row.interval && row.p! > 0);
    }
  },
);

engineTest("experiment that is interrupted keeps what it has, and --resume ends it", async () => {
  using disk = new TempFile(noise(16 * 4096)), state = new TempFile("");
  const env = { XDG_STATE_HOME: state.folder, NO_COLOR: "1" };
  const settings = ["repetitions=10", "precision=0", "warmUp=0", `disk=${disk.path}`];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "cli/experiment.ts", "placement", ...set(settings)],
    cwd: PROJECT,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const done = child.output();
  const kept = () => {
    using journal = RunJournal.open();
    const entry = journal.unfinished("placement");
    return entry ? journal.samples(entry.id).length : 0;
  };
  const before = Deno.env.get("XDG_STATE_HOME");
  Deno.env.set("XDG_STATE_HOME", state.folder);
  try {
    await eventually("six measurements are kept", () => kept() >= 6);
    child.kill("SIGINT");
    const { code, stderr } = await done;
    strictEqual(code, 130);
    match(new TextDecoder().decode(stderr), /^what was measured is kept: .*placement --resume$/m);
    const had = kept();
    ok(had >= 6 && had < 4 * 10 + 4);
    const resumed = await cliExperiment(["placement", "--resume", "--json"], env);
    strictEqual(resumed.code, 0, resumed.stderr);
    match(resumed.stderr, new RegExp(`^${had} measurements are kept since `, "m"));
    const { rows, parameters } = experimentRecordSchema.parse(JSON.parse(resumed.stdout));
    strictEqual(parameters.repetitions, 10);
    for (const row of rows) strictEqual(row.n, row.kind === "measured" ? 10 : 1);
    strictEqual(kept(), 0, "nothing is left to resume");
  } finally {
    if (before === undefined) Deno.env.delete("XDG_STATE_HOME");
    else Deno.env.set("XDG_STATE_HOME", before);
  }
});

Deno.test("experiment --list shows every parameter, for people and as one document", async () => {
  const people = await cliExperiment(["--list"]);
  match(people.stdout, /^splitx: .*\n {2}repetitions=15 +most measurements/m);
  const { schema, experiments } = JSON.parse((await cliExperiment(["--list", "--json"])).stdout);
  strictEqual(schema, "splitx.experiments/1");
  for (const { name, parameters } of experiments) {
    strictEqual(findExperiment(name).name, name);
    strictEqual(parameters.repetitions.type, "integer");
  }
});
