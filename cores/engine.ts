/** What executes guest code here: the probe of `/dev/kvm`, and the choice that rests on it. */
import {
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

/** An engine and the reason for it, in a sentence without a full stop. */
export interface EngineChoice {
  readonly engine: "kvm";
  readonly why: string;
}

/** In which rings a guest lives. */
export type Rings = "ring-3" | "every ring";

/**
 * Chooses the engine for a guest.
 *
 * @param rings a micro guest lives in ring 3
 * @throws SplitXError `no-engine` (exit code 3) when none can run it
 */
export function chooseEngine(probe: EngineProbe, rings: Rings): EngineChoice {
  switch (probe.native) {
    case "everything":
      return { engine: "kvm", why: "KVM runs ring 0 and ring 3 natively" };
    case "ring-3":
      if (rings !== "ring-3") {
        throw hostError(
          "no-engine",
          "KVM runs only ring 3 natively on this host, and this guest needs ring 0: run it on a " +
            "host with VT-x or SVM, or in the emulated machine (deno task lab -- COMMAND)",
        );
      }
      return {
        engine: "kvm",
        why: "KVM runs ring 3 natively (ring 0 is interpreted), and this guest lives in ring 3",
      };
    case "none":
      throw hostError("no-engine", probe.problem || "KVM runs no guest code natively on this host");
  }
}
