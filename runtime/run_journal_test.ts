import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { join } from "node:path";
import { RunJournal } from "./run_journal.ts";
import { RunStore } from "./run_store.ts";
import { TEST_HOST as host } from "./test_host.ts";

function withFile(work: (path: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "splitx-journal-" });
  try {
    work(join(folder, "runs.sqlite"));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("RunJournal keeps samples until the experiment is forgotten", () => {
  withFile((path) => {
    const sample = (point: string, repetition: number) => ({ point, repetition, figures: [1.5] });
    let id = 0;
    {
      using journal = new RunJournal(path);
      journal.begin("splitx", { seed: 1 }, host);
      id = journal.begin("splitx", { seed: 2 }, host);
      journal.begin("placement", {}, host);
      journal.keep(id, sample("b", 1));
      journal.keep(id, sample("a", 0));
      journal.keep(id, sample("b", 0));
      throws(() => journal.keep(id, sample("b", 0)), /UNIQUE/, "a sample is kept once");
    }
    using journal = new RunJournal(path);
    const entry = journal.unfinished("splitx")!;
    deepStrictEqual([entry.id, entry.parameters, entry.host], [id, { seed: 2 }, host]);
    strictEqual(new Date(entry.at).toISOString(), entry.at);
    deepStrictEqual(journal.samples(id).map(({ repetition }) => repetition), [0, 0, 1]);
    journal.forget(id);
    deepStrictEqual(journal.samples(id), []);
    deepStrictEqual(journal.unfinished("splitx")!.parameters, { seed: 1 });
    strictEqual(journal.unfinished("other"), undefined);
  });
});

Deno.test("RunJournal and RunStore share a file", () => {
  withFile((path) => {
    using store = new RunStore(path);
    using journal = new RunJournal(path);
    const id = journal.begin("splitx", {}, host);
    const record = {
      schema: "splitx.experiment/1" as const,
      name: "splitx",
      host,
      parameters: { seed: 1 },
      rows: [],
    };
    const number = store.add(record);
    journal.forget(id);
    deepStrictEqual(store.experiment(number)!.record, record);
    strictEqual(store.experiment(number + 1), undefined);
    deepStrictEqual(store.experiments(9).map(({ name }) => name), ["splitx"]);
  });
});
