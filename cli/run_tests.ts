/**
 * `deno task test`: every test, with the totals in one line at the end. A skipped test says why in
 * its name.
 */
import { fileURLToPath } from "node:url";
import { installChromium } from "../build/chromium.ts";
import { buildGuests, buildSystemGuests } from "../build/guests.ts";
import { buildStub } from "../build/stub.ts";
import { EXIT } from "../errors.ts";
import { runCommand } from "./command.ts";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const FOLDERS = [
  "build",
  "cores",
  "hypercalls",
  "runtime",
  "experiments",
  "ui",
  "bench",
  "lab",
  "cli",
  "examples",
  "tests",
];

/** What Deno counted, from the last line of its report. */
function totals(report: string): { passed: number; failed: number; skipped: number } {
  const line = /\| (\d+) passed.*$/m.exec(report)?.[0] ?? "";
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), skipped: count("ignored") };
}

/** Passes a child's output on and keeps it. */
async function tee(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    Deno.stdout.writeSync(bytes);
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}

async function main(signal: AbortSignal): Promise<number> {
  const progress = (line: string) => console.error(line);
  await buildStub(progress);
  await buildGuests(progress);
  await buildSystemGuests(progress);
  await installChromium(progress);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--doc", ...Deno.args, ...FOLDERS],
    cwd: PROJECT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  signal.addEventListener("abort", () => child.kill("SIGTERM"));
  const report = await tee(child.stdout);
  const { success } = await child.status;
  const { passed, failed, skipped } = totals(report);
  const skips = report.match(/\[skipped: [^\]]*\]/g) ?? [];
  for (const reason of new Set(skips)) console.log(reason);
  // A file that could not be loaded fails the run without being counted.
  const failures = success ? failed : Math.max(1, failed);
  console.log(`${passed} passed, ${failures} failed, ${skipped} skipped`);
  return failures === 0 ? EXIT.ok : EXIT.failed;
}

await runCommand("test", main);
