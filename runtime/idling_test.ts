import { strictEqual } from "node:assert";
import { exitsToDisable, idleExitNames } from "./idling.ts";

const DEDICATED = {
  engine: "kvm",
  machine: "pc",
  placement: "split",
  vcpus: 2,
  overcommit: false,
} as const;
const PLAN = { guest: [1, 2, 3] };

Deno.test("a guest with cores of its own idles them itself, as far as KVM allows", () => {
  strictEqual(exitsToDisable(DEDICATED, PLAN, 0xf), 0xf);
  strictEqual(exitsToDisable(DEDICATED, PLAN, 0x6), 0x6);
  strictEqual(exitsToDisable(DEDICATED, PLAN, 0x1f), 0xf); // one that has nothing to do with idling
});

Deno.test("a guest that shares its cores keeps its exits", () => {
  strictEqual(exitsToDisable({ ...DEDICATED, overcommit: true }, PLAN, 0xf), 0);
  strictEqual(exitsToDisable(DEDICATED, { guest: [1, 1] }, 0xf), 0);
  strictEqual(exitsToDisable({ ...DEDICATED, placement: "same-core" }, PLAN, 0xf), 0);
});

Deno.test("a guest that halts to be parked keeps its exits", () => {
  strictEqual(exitsToDisable({ ...DEDICATED, machine: "micro" }, PLAN, 0xf), 0);
});

Deno.test("the software processor has no exits for idling", () => {
  strictEqual(exitsToDisable({ ...DEDICATED, engine: "soft" }, PLAN, 0xf), 0);
});

Deno.test("a mask is told by names", () => {
  strictEqual(idleExitNames(0x6), "HLT, PAUSE");
  strictEqual(idleExitNames(0), "none");
});
