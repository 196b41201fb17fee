/** How busy a hypervisor core is, by what its guests ask of it. */
import { ok, strictEqual } from "node:assert";
import type { VmConfigInput } from "../../runtime/config.ts";
import { HypervisorLoad } from "../../runtime/hypervisor_load.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, TempFile } from "../support.ts";

const WARM_UP_MS = 500, LOOK_MS = 1000;

/** Shares of the core that serves a guest, over {@link LOOK_MS}. */
async function loadOf(runtime: Runtime, config: VmConfigInput) {
  await using vm = runtime.createVm({ placement: "split", notification: "polled", ...config });
  await vm.start();
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const load = new HypervisorLoad(runtime);
  load.look(new Map([[vm, vm.stats()]]));
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  const cores = load.look(new Map([[vm, vm.stats()]]));
  strictEqual(cores.length, 1);
  await vm.stop();
  return { ...cores[0]!, stats: vm.stats() };
}

engineTest(
  "a core that serves a disk without end is busy, one whose guest computes is not",
  async () => {
    await using runtime = await Runtime.open();
    using disk = new TempFile(new Uint8Array(1 << 20));
    const serving = await loadOf(runtime, {
      guest: "blk",
      disk: disk.path,
      cmdline: "n=1000000000 size=65536 depth=16",
    });
    const computing = await loadOf(runtime, {
      guest: "compute",
      cmdline: "ops=integer n=1000000000000",
    });
  ok(serving.stats.queueServedNs > 0);
    strictEqual(computing.stats.queueServedNs, 0);
    ok(serving.busy > 0.1, `busy for ${serving.busy}`);
    ok(computing.busy < 0.05, `busy for ${computing.busy}`);
  },
);
