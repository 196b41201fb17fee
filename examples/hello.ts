/** The shortest program: make a machine, run it, read its console. */
import { createVm } from "../runtime/mod.ts";

await using vm = await createVm({ guest: "hello" });
await vm.start();
console.log((await vm.output()).trimEnd());
const end = await vm.ended;
console.log(`${end.state} with code ${end.code}`);
