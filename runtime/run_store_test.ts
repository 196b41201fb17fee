import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { join } from "node:path";
import { type BenchRecord, benchRecordSchema, type RunRecord, runRecordSchema } from "./records.ts";
import { RunStore, stateFolder } from "./run_store.ts";
import { TEST_HOST as host } from "./test_host.ts";

function run(name: string, code: number): RunRecord {
  const ends = [{ name, state: "stopped" as const, code, firstRunTicks: 2 ** 50 }];
  return runRecordSchema.parse({ schema: "splitx.run/1", name, host, ends, rows: [] });
}

function bench(name: string): BenchRecord {
  const row = { name: "exit – ü", kind: "measured", unit: "ns", n: 3, p50: 1.5 };
  return benchRecordSchema.parse({ schema: "splitx.bench/1", name, host, rows: [row] });
}

function inTempFolder(work: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "splitx-runs-" });
  try {
    work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("newest() gives back the records of a name, newest first", () => {
  inTempFolder((folder) => {
    using store = new RunStore(join(folder, "runs.sqlite"));
    for (const code of [1, 2, 3]) store.add(run("hello", code));
    store.add(bench("exits"));
    deepStrictEqual(store.newest("hello", 2).map(({ record }) => record), [
      run("hello", 3),
      run("hello", 2),
    ]);
    deepStrictEqual(store.newest("exits", 9).map(({ record }) => record), [bench("exits")]);
    deepStrictEqual(store.newest("other", 9), []);
  });
});

Deno.test("newest() takes a name for a name, whatever it holds", () => {
  inTempFolder((folder) => {
    using store = new RunStore(join(folder, "runs.sqlite"));
    const name = "it's %_\"; DROP TABLE runs; --";
    store.add(run(name, 0));
    strictEqual(store.newest(name, 1).length, 1);
    strictEqual(store.newest("%", 1).length, 0);
  });
});

Deno.test("RunStore keeps what it was given when it is opened again", () => {
  inTempFolder((folder) => {
    const path = join(folder, "runs.sqlite");
    const stored = () => {
      using store = new RunStore(path);
      store.add(run("hello", 0));
      return store.newest("hello", 9);
    };
    const [first] = stored(), both = stored();
    strictEqual(both.length, 2);
    deepStrictEqual(both[1], first);
    ok(both[0]!.id > both[1]!.id);
    strictEqual(new Date(first!.at).toISOString(), first!.at);
  });
});

Deno.test("RunStore.open() makes the store in the state folder", () => {
  inTempFolder((folder) => {
    const before = Deno.env.get("XDG_STATE_HOME");
    Deno.env.set("XDG_STATE_HOME", folder);
    try {
      strictEqual(stateFolder(), join(folder, "splitx"));
      using store = RunStore.open();
      store.add(run("hello", 0));
      ok(Deno.statSync(join(folder, "splitx", "runs.sqlite")).isFile);
    } finally {
      if (before === undefined) Deno.env.delete("XDG_STATE_HOME");
      else Deno.env.set("XDG_STATE_HOME", before);
    }
  });
});

Deno.test("list() pages through the records of every name, get() finds one", () => {
  inTempFolder((folder) => {
    using store = new RunStore(join(folder, "runs.sqlite"));
    for (const name of ["a", "b", "a"]) store.add(run(name, 0));
    deepStrictEqual(store.list({}, 2).map(({ id }) => id), [3, 2]);
    deepStrictEqual(store.list({ before: 2 }, 5).map(({ id }) => id), [1]);
    deepStrictEqual(store.list({ name: "a" }, 5).map(({ id }) => id), [3, 1]);
    strictEqual(store.get(2)!.record.name, "b");
    strictEqual(store.get(4), undefined);
  });
});
