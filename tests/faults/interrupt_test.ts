/** Ctrl-C at any moment ends everything within a second and leaves nothing behind. */
import { ok, strictEqual } from "node:assert";
import { emptyCache, engineTest, processesWith, PROJECT, TempFile } from "../support.ts";

/** Starts `run`, interrupts it after so many milliseconds, waits for its end. */
async function interruptAfter(
  milliseconds: number,
  args: readonly string[],
  env: Record<string, string> = {},
) {
  const mark = crypto.randomUUID();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "cli/run.ts",
      "--once",
      "--cmdline",
      `mark=${mark} ${args[1] ?? ""}`,
      ...args.slice(2),
    ],
    cwd: PROJECT,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  const before = performance.now();
  try {
    child.kill("SIGINT");
  } catch {
    // It had ended by itself.
  }
  const { code, signal } = await child.status;
  return { ms: performance.now() - before, code, signal, left: processesWith(mark) };
}

function endedAsTold(result: Awaited<ReturnType<typeof interruptAfter>>, when: string): void {
  ok(result.ms < 1000, `${result.ms} ms ${when}`);
  ok(
    result.code === 130 || result.signal === "SIGINT" || result.code === 0,
    `exit code ${result.code} ${when}`,
  );
  strictEqual(result.left.join("\n"), "", when);
}

engineTest("Ctrl-C while it builds leaves no half-built file", async () => {
  for (const milliseconds of [60, 150, 300, 700]) {
    using cache = new TempFile("");
    const env = { ...emptyCache(cache.folder), TMPDIR: cache.folder };
    const result = await interruptAfter(milliseconds, [], env);
    endedAsTold(result, `after ${milliseconds} ms`);
    const left = [...Deno.readDirSync(cache.folder)].map((entry) => entry.name);
    ok(left.every((name) => ["file", "splitx"].includes(name)), left.join());
    try {
      for (const { name } of Deno.readDirSync(`${cache.folder}/splitx`)) {
        ok(/^(stub|guests)-/.test(name), `${name} was left after ${milliseconds} ms`);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it had not begun
    }
  }
});

engineTest("Ctrl-C while guests run ends them at every point of the demonstration", async () => {
  for (const milliseconds of [10, 50, 100, 200, 400, 900, 1700, 2600]) {
    endedAsTold(await interruptAfter(milliseconds, []), `after ${milliseconds} ms`);
  }
});

engineTest("Ctrl-C ends a guest that loops for ever, at both placements", async () => {
  for (const placement of ["same-core", "split"]) {
    const args = ["", "do=loop", "--guest", "crash", "--placement", placement];
    const result = await interruptAfter(500, args);
    endedAsTold(result, placement);
    strictEqual(result.code, 130);
  }
});
