/**
 * A hypervisor core on which C answers CALL_NOP: the measure for the one in TypeScript. All else,
 * from the ring to the guest, is the same. It serves one vCPU.
 */
import { CORE_BLOCK_COMMAND, CORE_RUN } from "../cores/abi.ts";
import { hypervisorLoop, pollAll } from "../cores/hypervisor_loop.ts";
import type { VcpuChannel } from "../cores/vcpu_channel.ts";
import { serveWorker } from "../runtime/worker.ts";
import { openNative } from "./native.ts";

// No await before serveWorker(): a message that finds nobody listening is lost.
const native = openNative();

serveWorker((core, served) => {
  if (served.length === 0) return hypervisorLoop(core, served);
  while (core.words[CORE_BLOCK_COMMAND] === CORE_RUN && served.length > 0) {
    const { page, block } = served[0]!.channel as VcpuChannel;
    if (native.bench_respond(page, block, core.words) === 1) pollAll(served);
  }
  return core.words[CORE_BLOCK_COMMAND]!;
});
