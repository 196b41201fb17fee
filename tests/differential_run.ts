/**
 * `deno task differential`: random programs on the host's processor and on the soft engine, until
 * they differ or enough agreed. `--long` runs 500 million instructions, `--instructions N` so many;
 * `--seed N` begins at a seed, such as the one that differed, else at one that the time says.
 */
import { parseArgs } from "node:util";
import { runDifferential } from "./differential/library.ts";

const SHORT = 5_000_000, LONG = 500_000_000, SEEDS_A_SECOND = 1_000_000n;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    long: { type: "boolean", default: false },
    instructions: { type: "string" },
    seed: { type: "string" },
  },
});
const instructions = values.instructions ? Number(values.instructions) : values.long ? LONG : SHORT;
const seed = values.seed
  ? BigInt(values.seed)
  : BigInt(Math.floor(Date.now() / 1000)) * SEEDS_A_SECOND;

const started = performance.now();
const outcome = await runDifferential(seed, instructions, (line) => console.error(line));
const seconds = (performance.now() - started) / 1000;
const rate = outcome.instructions / seconds / 1e6;
console.log(
  `seeds from ${seed}: ${
    outcome.programs.toLocaleString("en")
  } programs of ${outcome.forms} forms, ` +
    `${outcome.instructions.toLocaleString("en")} instructions, ` +
    `${outcome.faults.toLocaleString("en")} faults, ${seconds.toFixed(0)} s, ` +
    `${rate.toFixed(2)} M/s: ${outcome.agreed ? "none differs" : "one differs"}`,
);
if (!outcome.agreed) console.log(outcome.report);
Deno.exit(outcome.agreed ? 0 : 1);
