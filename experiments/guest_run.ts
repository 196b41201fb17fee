/** Runs a micro guest for a measurement and reads what it reports. */
import type { CorePlan } from "../cores/core_plan.ts";
import { runError } from "../errors.ts";
import type { VmConfigInput } from "../runtime/config.ts";
import { type GuestReport, readGuestReport } from "../runtime/guest_report.ts";
import type { VmStats } from "../runtime/vm_stats.ts";
import type { Context } from "./experiment.ts";

/** What a guest left behind. */
export interface GuestRun {
  readonly report: GuestReport;
  readonly stats: VmStats;
  readonly plan: CorePlan;
  /** Nanoseconds in a tick of the guest's reports. */
  readonly nsPerTick: number;
  /** With `traceHash` in the configuration. */
  readonly traceHash?: string;
}

/**
 * Runs a machine to its end, or until the signal is aborted.
 *
 * @throws SplitXError `guest-failed` when it did not end by itself with code 0
 */
export async function runGuest(
  { runtime, signal }: Context,
  config: VmConfigInput,
): Promise<GuestRun> {
  await using vm = runtime.createVm(config);
  const stop = () => void vm.stop();
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    await vm.start();
    const output = await vm.output();
    const { state, code, reason } = await vm.ended;
    signal.throwIfAborted();
    if (state === "failed") throw runError("guest-failed", `the guest failed: ${reason}`);
    const report = readGuestReport(output);
    if (code !== 0) {
      const words = report.text.trim();
      throw runError("guest-failed", `the guest ended with code ${code}: ${words}`);
    }
    const traceHash = vm.virtualClock?.traceHash;
    return {
      report,
      stats: vm.stats(),
      plan: vm.plan,
      nsPerTick: vm.nsPerGuestTick,
      ...(traceHash ? { traceHash } : {}),
    };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
