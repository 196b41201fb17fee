import { strictEqual, throws } from "node:assert";
import { parseWith, type VmConfigInput, vmConfigSchema } from "./config.ts";
import { settleConfig } from "./engine_config.ts";

const config = (input: Partial<VmConfigInput>) =>
  parseWith(vmConfigSchema, { guest: "hello", ...input }, "machine");

Deno.test("settleConfig() gives a pc the most that its engine has, and a micro none", () => {
  strictEqual(settleConfig(config({ machine: "pc" }), "kvm").irqchip, "full");
  strictEqual(settleConfig(config({ machine: "pc" }), "soft").irqchip, "split");
  strictEqual(settleConfig(config({}), "kvm").irqchip, "none");
  strictEqual(settleConfig(config({}), "soft").irqchip, "none");
});

Deno.test("settleConfig() keeps what was asked for, and says which engine it is", () => {
  for (const engine of ["kvm", "soft"] as const) {
    const settled = settleConfig(config({ irqchip: "split" }), engine);
    strictEqual(settled.irqchip, "split");
    strictEqual(settled.engine, engine);
  }
  strictEqual(settleConfig(config({ irqchip: "full" }), "kvm").irqchip, "full");
});

Deno.test("settleConfig() refuses controllers that the software processor has not", () => {
  for (const machine of ["micro", "pc"] as const) {
    throws(
      () => settleConfig(config({ machine, irqchip: "full" }), "soft"),
      { code: "bad-config", exitCode: 2, message: /^irqchip: full needs the engine kvm: / },
    );
  }
});
