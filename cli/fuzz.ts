/** `deno task fuzz`: the soft engine under inputs that look for what nobody thought of. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../build/cache.ts";
import { buildFuzzTarget } from "../build/fuzz.ts";
import { EXIT, usageError } from "../errors.ts";
import { runCommand } from "./command.ts";
import { readOptions, textOf } from "./options.ts";

const CORPUS = fileURLToPath(new URL("../tests/fuzz/corpus/", import.meta.url));

const OPTIONS = {
  minutes: { type: "string" },
  keep: { type: "boolean" },
  help: { type: "boolean" },
} as const;

const HELP = `deno task fuzz [options]
Runs inputs of any kind on the soft engine, with AddressSanitizer and UndefinedBehaviorSanitizer. An
input with which it went wrong is left in tests/fuzz/corpus, where the tests find it, and ends the run
with exit code 1.
  --minutes N  how long (default 5)
  --keep       adds to tests/fuzz/corpus what reaches code that nothing there reaches
`;

const DEFAULT_MINUTES = 5;
/** Bytes of an input, milliseconds of one, and what the sanitizers need not do (see build/fuzz.ts). */
const FUZZER = ["-max_len=500", "-len_control=0", "-timeout=20", "-rss_limit_mb=2000"];
const SANITIZERS = "detect_leaks=0:use_sigaltstack=0:quarantine_size_mb=8";

async function main(signal: AbortSignal): Promise<number> {
  const { values } = readOptions(Deno.args, OPTIONS);
  if (values.help) {
    console.log(HELP);
    return EXIT.ok;
  }
  const minutes = Number(textOf(values, "minutes") ?? DEFAULT_MINUTES);
  if (!(minutes > 0)) throw usageError("bad-option", "--minutes needs a number above 0");
  const target = await buildFuzzTarget((line) => console.error(line));
  const found = join(cacheFolder(), "fuzz-corpus");
  Deno.mkdirSync(found, { recursive: true });
  Deno.mkdirSync(CORPUS, { recursive: true });
  const run = async (args: readonly string[]) => {
    const child = new Deno.Command(target, {
      args: [...FUZZER, `-artifact_prefix=${CORPUS}`, ...args],
      env: { ASAN_OPTIONS: SANITIZERS },
      stdin: "null",
    }).spawn();
    const stop = () => child.kill("SIGTERM");
    signal.addEventListener("abort", stop);
    const { success } = await child.status;
    signal.removeEventListener("abort", stop);
    return success;
  };
  const seconds = Math.ceil(minutes * 60);
  const clean = await run([`-max_total_time=${seconds}`, "-print_final_stats=1", found, CORPUS]);
  if (clean && values.keep) await run(["-merge=1", CORPUS, found]);
  return clean ? EXIT.ok : EXIT.failed;
}

await runCommand("fuzz", main);
