import { strictEqual } from "node:assert";
import { exitlessInterrupts } from "./interrupt_delivery.ts";

Deno.test("a parameter that is on names what delivers interrupts", () => {
  const only = (part: string, value: string) =>
    exitlessInterrupts((file) => file.includes(part) ? value : "");
  strictEqual(only("kvm_intel", "Y"), "APICv");
  strictEqual(only("kvm_amd", "1"), "AVIC");
  strictEqual(only("kvm_amd", "N"), undefined);
  strictEqual(only("nothing", "Y"), undefined);
});
