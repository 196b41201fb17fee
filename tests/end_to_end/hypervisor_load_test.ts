/** How busy a hypervisor core is, by what its guest asks of it. */
import { ok } from "node:assert";
import { HypervisorLoad } from "../../runtime/hypervisor_load.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, TempFile } from "../support.ts";

const LOOK_MS = 500;
/** A host that is busy elsewhere may keep the guest from its work for some of them. */
const LOOKS = 20;
const ENOUGH = 0.1;

engineTest("a core that serves a disk is busy with it", async () => {
  await using runtime = await Runtime.open();
  using disk = new TempFile(new Uint8Array(1 << 20));
  await using vm = runtime.createVm({
    placement: "split",
    notification: "polled",
    guest: "blk",
    disk: disk.path,
    cmdline: "n=1000000000 size=65536 depth=16",
  });
  await vm.start();
  const load = new HypervisorLoad(runtime);
  load.look(new Map([[vm, vm.stats()]]));
  let busy = 0;
  for (let look = 0; look < LOOKS && busy < ENOUGH; look++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    for (const core of load.look(new Map([[vm, vm.stats()]]))) busy = Math.max(busy, core.busy);
  }
  ok(busy >= ENOUGH, `busy for ${busy}`);
});
