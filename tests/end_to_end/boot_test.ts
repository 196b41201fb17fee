/** Kernels of every kind start in the state that their protocol gives them. */
import { strictEqual } from "node:assert";
import { gzipSync } from "node:zlib";
import {
  bzImage,
  multibootElf,
  multibootFlat,
  pvhElf,
} from "../../runtime/boot/synthetic_images.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { HIGH_MEMORY_CODE, LONG_MODE_CODE, MULTIBOOT_CODE, PVH_CODE } from "../kernel_code.ts";
import { engineTest, type Finished, runVm, TempFile } from "../support.ts";

async function run(kernel: Uint8Array, memory: string): Promise<Finished & { path: string }> {
  await using runtime = await Runtime.open();
  using image = new TempFile(kernel), initrd = new TempFile(" and initrd\0");
  const config = { guest: image.path, initrd: initrd.path, cmdline: "words", memory };
  return { ...await runVm(runtime, config), path: image.path };
}

engineTest("a bzImage is entered in long mode with its zero page", async () => {
  for (const memory of ["64M", "4G"]) {
    const { output, end } = await run(bzImage({ code: LONG_MODE_CODE }), memory);
    strictEqual(output, "words and initrd");
    strictEqual(end.code, 0x10 << 1 | 1, end.reason);
  }
});

engineTest("a bzImage with a PVH kernel inside is entered by PVH", async () => {
  const payload = new Uint8Array(gzipSync(pvhElf(PVH_CODE)));
  const { output, end } = await run(bzImage({ payload }), "64M");
  strictEqual(output, "words and initrd");
  strictEqual(end.code, 7 << 1 | 1, end.reason);
});

for (const [what, kernel] of [["ELF", multibootElf], ["flat", multibootFlat]] as const) {
  engineTest(`a multiboot kernel (${what}) is entered with magic, words and module`, async () => {
    const { output, end, path } = await run(kernel(MULTIBOOT_CODE), "64M");
    strictEqual(output, `${path} words and initrd`);
    strictEqual(end.code, 0 << 1 | 1, end.reason);
  });
}

engineTest("a guest finds the memory beyond 3 GiB at 4 GiB", async () => {
  const { output, end } = await run(bzImage({ code: HIGH_MEMORY_CODE }), "4G");
  strictEqual(output, "4", end.reason);
});
