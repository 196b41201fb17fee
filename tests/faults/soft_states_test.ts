/**
 * Whatever state a guest brings the soft engine's processor to: the machine ends as that state does,
 * or runs until it is stopped, and the one beside it goes on.
 */
import { match, ok, strictEqual } from "node:assert";
import type { VmConfigInput } from "../../runtime/config.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { ENDLESS, ENDS, PC_ENDLESS, PC_ENDS } from "../soft_states.ts";
import { engineTest, runVm, TempFile } from "../support.ts";

/** Milliseconds that a stop may take, of which there are three chances. */
const MOST_STOP_MS = 100;

const PC = { machine: "pc" } as const;

function config(path: string, more: Partial<VmConfigInput>): VmConfigInput {
  return { guest: path, engine: "soft", overcommit: true, ...more };
}

for (const [ends, more] of [[ENDS, {}], [PC_ENDS, PC]] as const) {
  for (const [name, { image, code }] of Object.entries(ends)) {
    const becomes = code === undefined ? "a triple fault" : `the guest's exit code ${code}`;
    engineTest(`soft: ${name} ends in ${becomes}`, async () => {
      await using runtime = await Runtime.open();
      using file = new TempFile(image);
      const { end } = await runVm(runtime, config(file.path, more));
      if (code === undefined) {
        strictEqual(end.state, "failed");
        strictEqual(end.reason, "triple fault");
      } else {
        strictEqual(end.code, code << 1 | 1, `${end.state}: ${end.reason}`);
      }
    });
  }
}

async function runsUntilStopped(image: Uint8Array, more: Partial<VmConfigInput>): Promise<void> {
  await using runtime = await Runtime.open();
  using file = new TempFile(image);
  let fastest = Infinity;
  for (let i = 0; i < 3 && fastest >= MOST_STOP_MS; i++) {
    await using vm = runtime.createVm(config(file.path, more));
    await vm.start();
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (i === 0) {
      const beside = { guest: "hello", engine: "soft", overcommit: true } as const;
      match((await runVm(runtime, beside)).output, /^hello/);
    }
    strictEqual(vm.state, "running");
    const before = performance.now();
    await vm.stop();
    fastest = Math.min(fastest, performance.now() - before);
    strictEqual(vm.state, "stopped");
    strictEqual((await vm.ended).state, "stopped");
  }
  ok(fastest < MOST_STOP_MS, `${fastest} ms`);
}

for (const [endless, more] of [[ENDLESS, {}], [PC_ENDLESS, PC]] as const) {
  for (const [name, image] of Object.entries(endless)) {
    engineTest(`soft: ${name} runs until it is stopped`, () => runsUntilStopped(image, more));
  }
}

engineTest("soft: a processor that nobody starts waits until it is stopped", () => {
  return runsUntilStopped(ENDLESS["a jump to itself"]!, { ...PC, vcpus: 2 });
});
