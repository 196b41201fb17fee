/** What executes guest code here: the probe of `/dev/kvm`, and the choice that rests on it. */
import {
  ENGINE_KVM,
  ENGINE_SOFT,
  NATIVE_EVERYTHING,
  NATIVE_RING3,
  PROBE_BYTES,
  PROBE_DISABLE_EXITS,
  PROBE_ERROR,
  PROBE_EXIT_NS,
  PROBE_IMMEDIATE_EXIT,
  PROBE_IRQCHIP,
  PROBE_MAX_VCPUS,
  PROBE_NATIVE,
  PROBE_RING0_NS,
  PROBE_RING3_NS,
  PROBE_SPLIT_IRQCHIP,
} from "./abi.ts";
import { hostError } from "../errors.ts";
import type { Stub } from "./stub.ts";

/** Which guest code runs natively. */
export type NativeCode = "everything" | "ring-3" | "none";

/** What the probe measured. */
export interface EngineProbe {
  readonly native: NativeCode;
  /** Why `/dev/kvm` could not be used, empty when it could. */
  readonly problem: string;
  /** One turn of a two-instruction loop, nanoseconds; 0 when it did not run. */
  readonly ring0Ns: number;
  readonly ring3Ns: number;
  /** An OUT from ring 3 to user space and back, nanoseconds. */
  readonly exitNs: number;
  /** `KVM_CAP_X86_DISABLE_EXITS`: 1 MWAIT, 2 HLT, 4 PAUSE, 8 C-states. */
  readonly disableExits: number;
  readonly irqchip: boolean;
  readonly splitIrqchip: boolean;
  readonly immediateExit: boolean;
  readonly maxVcpus: number;
}

const ENOENT = 2, EACCES = 13, EPERM = 1;

function problemOf(errno: number, text: string): string {
  if (errno === 0) return "";
  if (errno === ENOENT) {
    return "/dev/kvm does not exist: load the kvm module (modprobe kvm_intel or kvm_amd)";
  }
  if (errno === EACCES || errno === EPERM) {
    return "/dev/kvm may not be opened: join its group (usermod -aG kvm $USER) or run as root";
  }
  return `/dev/kvm cannot be used: ${text}`;
}

/** Runs the probe; a few milliseconds. */
export function probeEngine(stub: Stub): EngineProbe {
  const bytes = new Uint8Array(PROBE_BYTES);
  const status = stub.sx_probe_engine(bytes, bytes.length);
  const words = new Uint32Array(bytes.buffer), doubles = new Float64Array(bytes.buffer);
  const text = new Uint8Array(160);
  const length = status < 0 ? stub.sx_error_text(text, text.length) : 0;
  const native = words[PROBE_NATIVE]!;
  return {
    native: native === NATIVE_EVERYTHING
      ? "everything"
      : native === NATIVE_RING3
      ? "ring-3"
      : "none",
    problem: problemOf(words[PROBE_ERROR]!, new TextDecoder().decode(text.subarray(0, length))),
    ring0Ns: doubles[PROBE_RING0_NS / 2]!,
    ring3Ns: doubles[PROBE_RING3_NS / 2]!,
    exitNs: doubles[PROBE_EXIT_NS / 2]!,
    disableExits: words[PROBE_DISABLE_EXITS]!,
    irqchip: words[PROBE_IRQCHIP] === 1,
    splitIrqchip: words[PROBE_SPLIT_IRQCHIP] === 1,
    immediateExit: words[PROBE_IMMEDIATE_EXIT] === 1,
    maxVcpus: words[PROBE_MAX_VCPUS]!,
  };
}

/** What executes guest code: the kernel's KVM, or the stub's software processor. */
export type Engine = "kvm" | "soft";

/** Engines as the stub numbers them. */
export const ENGINE_NUMBER: Readonly<Record<Engine, number>> = {
  kvm: ENGINE_KVM,
  soft: ENGINE_SOFT,
};

/** An engine and the reason for it, in a sentence without a full stop. */
export interface EngineChoice {
  readonly engine: Engine;
  readonly why: string;
}

/** In which rings a guest lives. */
export type Rings = "ring-3" | "every ring";

/** What speaks for or against KVM. */
interface KvmVerdict {
  readonly native: boolean;
  readonly why: string;
  /** What would help where it is not native. */
  readonly help: string;
}

function judgeKvm(probe: EngineProbe, rings: Rings): KvmVerdict {
  switch (probe.native) {
    case "everything":
      return { native: true, why: "KVM runs ring 0 and ring 3 natively", help: "" };
    case "ring-3":
      if (rings === "ring-3") {
        const why =
          "KVM runs ring 3 natively (ring 0 is interpreted), and this guest lives in ring 3";
        return { native: true, why, help: "" };
      }
      return {
        native: false,
        why: "KVM runs only ring 3 natively on this host, and this guest needs ring 0",
        help: ": run it on a host with VT-x or SVM, in the emulated machine (deno task lab -- " +
          "COMMAND), or with --engine soft",
      };
    case "none":
      return {
        native: false,
        why: probe.problem || "KVM runs no guest code natively on this host",
        help: "",
      };
  }
}

/**
 * Chooses the engine for a guest.
 *
 * @param rings a micro guest lives in ring 3
 * @param wanted `auto` takes KVM where it runs the guest natively
 * @throws SplitXError `no-engine` (exit code 3) when KVM is wanted and does not
 */
export function chooseEngine(
  probe: EngineProbe,
  rings: Rings,
  wanted: "auto" | Engine,
): EngineChoice {
  if (wanted === "soft") return { engine: "soft", why: "it was asked for" };
  const { native, why, help } = judgeKvm(probe, rings);
  if (native) return { engine: "kvm", why };
  if (wanted === "auto") return { engine: "soft", why };
  throw hostError("no-engine", why + help);
}
