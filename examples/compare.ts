/** What an exit costs at two points of the matrix: the same guest, the same handlers. */
import { Runtime } from "../runtime/mod.ts";

await using runtime = await Runtime.open();
for (const [placement, notification] of [["same-core", "exit"], ["split", "polled"]] as const) {
  await using vm = runtime.createVm({
    guest: "digest",
    disk: Deno.execPath(),
    cmdline: "request=65536",
    placement,
    notification,
  });
  await vm.start();
  const digest = /^sha256 (\w+)$/m.exec(await vm.output())?.[1];
  const { exitsTotal, calls } = vm.stats().vcpus[0]!;
  console.log(`${placement}+${notification}: ${exitsTotal} exits, ${calls} ring requests`);
  console.log(`  sha256 ${digest}`);
}
