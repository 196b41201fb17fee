/**
 * Same-core placement, the classical trap and emulate: run the guest until it exits, serve the exit
 * on the core that took it, run the guest again.
 */
import {
  COMMAND_PAUSE,
  CONTROL_COMMAND,
  CORE_BLOCK_COMMAND,
  CORE_RUN,
  STATE_STATE,
  VCPU_BLOCK_CONTROL,
  VCPU_BLOCK_STATE,
  VCPU_PAUSED,
} from "./abi.ts";
import type { CoreView, Served } from "./hypervisor_loop.ts";
import { check } from "./stub.ts";
import type { VcpuChannel } from "./vcpu_channel.ts";

/** A vCPU that is served where it runs. */
export interface ServedVcpu extends Served {
  readonly channel: VcpuChannel;
}

/** How long to sleep when a full buffer keeps an exit from being served. */
const RETRY_US = 50;
const LONGEST_SLEEP_US = 10_000;

/**
 * Runs one vCPU until it stops, its machine ends or the core gets a command.
 *
 * @param core the guest core
 * @param vcpu handle of the vCPU
 * @returns whether the vCPU can be run on
 */
export function sameCoreLoop(core: CoreView, vcpu: number, served: ServedVcpu): boolean {
  const { words, stub } = core;
  const channel = served.channel;
  channel.doorbell = true; // while the guest runs, nobody polls
  try {
    while (words[CORE_BLOCK_COMMAND] === CORE_RUN && served.live) {
      if (check(stub, stub.sx_vcpu_run(vcpu)) === 0) return false;
      channel.poll();
      while (channel.pending && served.live && words[CORE_BLOCK_COMMAND] === CORE_RUN) {
        haltIfTold(channel.block);
        waitABit(core, channel.deadline);
        channel.poll();
      }
    }
  } catch (error) {
    served.crashed(error);
  }
  return served.live;
}

/** Says that the vCPU has halted, as the stub does while the vCPU is there. */
function haltIfTold(block: Int32Array): void {
  if (Atomics.load(block, VCPU_BLOCK_CONTROL + CONTROL_COMMAND) !== COMMAND_PAUSE) return;
  Atomics.store(block, VCPU_BLOCK_STATE + STATE_STATE, VCPU_PAUSED);
}

function waitABit(core: CoreView, deadline: number): void {
  const left = Math.ceil((deadline - core.stub.sx_tsc()) / core.ticksPerNs / 1000);
  const microseconds = deadline === Infinity ? RETRY_US : Math.min(LONGEST_SLEEP_US, left);
  if (microseconds >= 1) core.stub.sx_core_park(core.handle, microseconds);
}
