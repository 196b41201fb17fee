/** Halts a guest that loops for ever, lets it go on, and ends it. */
import { createVm } from "../runtime/mod.ts";

await using vm = await createVm({ guest: "crash", cmdline: "do=loop" });
await vm.start();
console.log(`it is ${vm.state}`);
await vm.pause();
console.log(`it is ${vm.state}`);
vm.resume();
console.log(`it is ${vm.state}`);
const before = performance.now();
await vm.stop();
console.log(`it is ${vm.state}, after ${(performance.now() - before).toFixed(1)} ms`);
