import { match, strictEqual } from "node:assert";
import { fixedNotification } from "./knobs.ts";

Deno.test("fixedNotification() allows what a guest or a core looks at each time", () => {
  const host = { clock: "host" } as const;
  for (const machine of ["micro", "pc"] as const) {
    strictEqual(fixedNotification({ ...host, placement: "split", machine }), undefined);
  }
  strictEqual(fixedNotification({ ...host, placement: "same-core", machine: "micro" }), undefined);
});

Deno.test("fixedNotification() gives the reason where nobody polls, or runs must be equal", () => {
  const fixed = fixedNotification({ clock: "host", placement: "same-core", machine: "pc" });
  match(fixed!, /nobody polls/);
  const virtual = fixedNotification({ clock: "virtual", placement: "split", machine: "micro" });
  match(virtual!, /virtual clock/);
});
