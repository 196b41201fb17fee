/** Every program in `examples/` runs to its end and says what it should. */
import { match, strictEqual } from "node:assert";
import { command, engineTest, PROJECT } from "../support.ts";

const EXPECTED: Readonly<Record<string, RegExp>> = {
  "hello.ts": /^hello from ring 3 on splitx\nstopped with code 0\n$/,
  "compare.ts":
    /^same-core\+exit: \d{4} exits, 0 ring requests\n {2}(sha256 \w{64})\nsplit\+polled: \d{1,2} exits, \d{4} ring requests\n {2}\1\n$/,
  "move.ts":
    /^hypervisor: from (\d+) to (\d+)\nhousekeeping: from \d+ to \2\nguest: from \2 to \1, paused for [\d.]+ ms\nhypervisor: from \2 to \1\nhousekeeping: from \2 to \d+\nguest: from \1 to \2, paused for [\d.]+ ms\ncore plan refused: core \2 is both a guest and a hypervisor core\nit ended with code 0\n$/,
  "pause.ts": /^it is running\nit is paused\nit is running\nit is stopped, after [\d.]+ ms\n$/,
};

for (const { name } of Deno.readDirSync(`${PROJECT}examples`)) {
  if (!name.endsWith(".ts")) continue;
  engineTest(`examples/${name} runs`, async () => {
    const { code, stdout, stderr } = await command(Deno.execPath(), [
      "run",
      "-A",
      `examples/${name}`,
    ]);
    strictEqual(code, 0, stderr);
    match(stdout, EXPECTED[name] ?? /^unexpected example$/);
  });
}
