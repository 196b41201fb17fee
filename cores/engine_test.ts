import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import { chooseEngine, type EngineProbe, type NativeCode, type Rings } from "./engine.ts";

const NO_KVM = "/dev/kvm does not exist: load the kvm module (modprobe kvm_intel or kvm_amd)";

function probe(native: NativeCode, problem = ""): EngineProbe {
  return {
    native,
    problem,
    ring0Ns: 0,
    ring3Ns: 0,
    exitNs: 0,
    disableExits: 0,
    irqchip: true,
    splitIrqchip: true,
    immediateExit: true,
    maxVcpus: 8,
  };
}

const EVERYTHING = probe("everything"), RING_3 = probe("ring-3");
const NOTHING = probe("none"), ABSENT = probe("none", NO_KVM);
const EVERY_RING: readonly Rings[] = ["ring-3", "every ring"];

Deno.test("chooseEngine() takes KVM where it runs the guest natively", () => {
  for (const wanted of ["auto", "kvm"] as const) {
    for (const rings of EVERY_RING) {
      const why = "KVM runs ring 0 and ring 3 natively";
      deepStrictEqual(chooseEngine(EVERYTHING, rings, wanted), { engine: "kvm", why });
    }
    const { engine, why } = chooseEngine(RING_3, "ring-3", wanted);
    strictEqual(engine, "kvm");
    match(why, /^KVM runs ring 3 natively .*, and this guest lives in ring 3$/);
  }
});

Deno.test("chooseEngine() takes the software processor where KVM does not, and says why", () => {
  for (const rings of EVERY_RING) {
    deepStrictEqual(chooseEngine(ABSENT, rings, "auto"), { engine: "soft", why: NO_KVM });
    const { engine, why } = chooseEngine(NOTHING, rings, "auto");
    strictEqual(engine, "soft");
    strictEqual(why, "KVM runs no guest code natively on this host");
  }
  const { engine, why } = chooseEngine(RING_3, "every ring", "auto");
  strictEqual(engine, "soft");
  strictEqual(why, "KVM runs only ring 3 natively on this host, and this guest needs ring 0");
});

Deno.test("chooseEngine() gives the software processor to who asks for it, on any host", () => {
  for (const host of [EVERYTHING, RING_3, NOTHING, ABSENT]) {
    for (const rings of EVERY_RING) strictEqual(chooseEngine(host, rings, "soft").engine, "soft");
  }
});

Deno.test("chooseEngine() refuses a KVM that is asked for and cannot", () => {
  const refused = (host: EngineProbe, rings: Rings, message: RegExp) =>
    throws(() => chooseEngine(host, rings, "kvm"), { code: "no-engine", exitCode: 3, message });
  for (const rings of EVERY_RING) {
    refused(ABSENT, rings, /^\/dev\/kvm does not exist: load the kvm module/);
    refused(NOTHING, rings, /^KVM runs no guest code natively on this host$/);
  }
  refused(RING_3, "every ring", /needs ring 0: .* VT-x or SVM, .* or with --engine soft$/);
});
