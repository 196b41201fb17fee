/** The micro guests are ordinary PVH images: an unmodified QEMU runs them. */
import { match, strictEqual } from "node:assert";
import { runOnQemu } from "../../bench/qemu.ts";
import { buildGuests } from "../../build/guests.ts";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { QEMU_ACCELERATORS, qemuTest } from "../support.ts";

for (const accelerator of QEMU_ACCELERATORS) {
  qemuTest(`hello runs on QEMU's microvm with ${accelerator}`, async () => {
    const folder = await buildGuests(() => {});
    const { output, code } = await runOnQemu(accelerator, `${folder}/hello.elf`, "a b");
    strictEqual(output, "hello from ring 3 on another hypervisor\ncommand line: a b\n");
    strictEqual(code, 1); // (0 << 1) | 1
  });

  qemuTest(`exits measures port I/O on QEMU's microvm with ${accelerator}`, async () => {
    const folder = await buildGuests(() => {});
    const { output } = await runOnQemu(
      accelerator,
      `${folder}/exits.elf`,
      "ops=out,in,loop,call_ring n=50",
    );
    const { histograms, spans } = readGuestReport(output);
    strictEqual(histograms.get("out")?.n, 50);
    strictEqual(histograms.get("in")?.n, 50);
    strictEqual(spans.get("loop")?.n, 50);
    strictEqual(histograms.has("call_ring"), false); // there is nobody to call
  });

  qemuTest(`an exception ends a guest with its reason on QEMU with ${accelerator}`, async () => {
    const folder = await buildGuests(() => {});
    const { output, code } = await runOnQemu(accelerator, `${folder}/crash.elf`, "do=exception");
    match(output, /^trap vector=6 error=0x00000000 rip=0x[0-9a-f]{16}\n$/);
    strictEqual(code, 125 << 1 & 0xff | 1);
  });
}
