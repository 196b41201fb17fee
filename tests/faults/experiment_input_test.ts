/** Wrong names, keys and values of experiments: one line that names them, exit code 2. */
import { match, ok, strictEqual } from "node:assert";
import { cliExperiment, engineTest, TempFile } from "../support.ts";

/** One wrong thing each. */
const WRONG: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["no name", [], /^experiment: name an experiment; --list shows them$/],
  [
    "a name that is nobody's",
    ["split"],
    /^experiment: there is no experiment "split"; there are: /,
  ],
  ["two names", ["splitx", "placement"], /^experiment: one experiment at a time, not splitx and /],
  [
    "an option that is not there",
    ["splitx", "--sett", "a=1"],
    /^experiment: Unknown option '--sett'/,
  ],
  [
    "a key that is not there",
    ["splitx", "--set", "rounds=1"],
    /^experiment: splitx has no "rounds"; /,
  ],
  [
    "a setting without a value",
    ["splitx", "--set", "seed"],
    /^experiment: --set seed: write key=value$/,
  ],
  ["a value that is no number", [
    ...["splitx", "--set", "repetitions=few"],
  ], /^experiment: parameters of splitx: repetitions: /],
  ["a value out of range", [
    ...["placement", "--set", "request=1"],
  ], /^experiment: parameters of placement: request: /],
  ["a disk that is not there", [
    ...["placement", "--set", "disk=/nowhere"],
  ], /^experiment: disk \/nowhere does not exist$/],
  ["settings beside --resume", [
    ...["splitx", "--resume", "--set", "seed=2"],
  ], /^experiment: --resume goes on with the parameters that it had: no --set$/],
  [
    "--resume when nothing was interrupted",
    ["splitx", "--resume"],
    /^experiment: no experiment splitx was interrupted$/,
  ],
  ["a folder that is a file", ["splitx", "--out", "/dev/null"], /^experiment: --out \/dev\/null: /],
  ["a comparison of one", ["--compare", "1"], /^experiment: --compare takes two runs; /],
  ["a comparison with nobody", ["--compare", "1", "x"], /^experiment: there is no run "1" of an /],
];

for (const [what, args, line] of WRONG) {
  engineTest(`experiment refuses ${what}`, async () => {
    using state = new TempFile("");
    const { code, stdout, stderr } = await cliExperiment(args, { XDG_STATE_HOME: state.folder });
    match(stderr.trimEnd().split("\n").at(-1)!, line);
    strictEqual(code, 2, stderr);
    strictEqual(stdout, "");
    ok(!stderr.includes("    at "), "no stack trace");
  });
}
