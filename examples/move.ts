/** Moves a guest that works, and the hypervisor core that serves it, to each other's cores and back. */
import { createVm } from "../runtime/mod.ts";

await using vm = await createVm({ guest: "exits", cmdline: "ops=load ms=400" });
const output = vm.output();
await vm.start();
const { housekeeping, hypervisor, guest } = vm.plan;
const there = { housekeeping: guest, hypervisor: guest, guest: hypervisor };
for (const plan of [there, { housekeeping, hypervisor, guest }]) {
  for (const { role, from, to, pauseNs } of await vm.move(plan)) {
    const pause = pauseNs === undefined ? "" : `, paused for ${(pauseNs / 1e6).toFixed(3)} ms`;
    console.log(`${role}: from ${from} to ${to}${pause}`);
  }
}
try {
  await vm.move({ housekeeping, hypervisor: guest, guest });
} catch (error) {
  console.log((error as Error).message);
}
await output;
console.log(`it ended with code ${(await vm.ended).code}`);
