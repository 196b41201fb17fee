/** `deno task ok`: every quick gate, one after the other. */
import { fileURLToPath } from "node:url";
import { EXIT } from "../errors.ts";
import { runCommand } from "./command.ts";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const SOURCES = [
  ...["errors.ts", "build", "cores", "hypercalls", "runtime"],
  ...["experiments", "ui", "bench", "lab", "cli"],
];
/** Whose documentation is public. */
const PUBLIC = ["runtime/mod.ts"];

/** What Deno says of a public symbol without documentation. */
const UNDOCUMENTED = "missing-jsdoc";

const GATES: readonly (readonly [string, readonly string[]])[] = [
  ["format", ["fmt", "--check"]],
  ["lint", ["lint", "--quiet"]],
  ["types", ["check", "--quiet", ...SOURCES, "examples", "tests"]],
  ["import floors", ["run", "-A", "build/floors.ts"]],
  ["documentation", ["doc", "--lint", "--quiet", ...PUBLIC]],
  ["unit tests and documented examples", [
    ...["test", "-A", "--doc", "--quiet", "--reporter=dot"],
    ...SOURCES,
  ]],
];

async function main(): Promise<number> {
  let failed = 0;
  for (const [name, args] of GATES) {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: PROJECT,
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    const words = `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trimEnd();
    // Types made by zod refer to zod's own: only missing documentation counts.
    const ok = args[0] === "doc" ? !words.includes(UNDOCUMENTED) : code === 0;
    console.log(`${ok ? "ok    " : "FAILED"}  ${name}`);
    if (ok) continue;
    failed++;
    console.log(words);
  }
  return failed === 0 ? EXIT.ok : EXIT.failed;
}

await runCommand("ok", main);
