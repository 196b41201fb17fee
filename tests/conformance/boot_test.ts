/** An unmodified QEMU hands the kernels of `end_to_end/boot_test.ts` the same things. */
import { strictEqual } from "node:assert";
import { MICROVM, runOnQemu } from "../../bench/qemu.ts";
import { multibootElf, multibootFlat, pvhElf } from "../../runtime/boot/synthetic_images.ts";
import { MULTIBOOT_CODE, PVH_CODE } from "../kernel_code.ts";
import { qemuTest, TempFile } from "../support.ts";

/** Kernels, whether QEMU puts their file's name before the command line, and how they end. */
const KERNELS: readonly (readonly [string, Uint8Array, boolean, number])[] = [
  ["a PVH kernel", pvhElf(PVH_CODE), false, 7],
  ["a multiboot ELF kernel", multibootElf(MULTIBOOT_CODE), true, 0],
  ["a flat multiboot kernel", multibootFlat(MULTIBOOT_CODE), true, 0],
];

for (const [what, kernel, named, status] of KERNELS) {
  qemuTest(`${what} finds command line and module on QEMU as it does here`, async () => {
    using image = new TempFile(kernel), initrd = new TempFile(" and initrd\0");
    const more = ["-M", "pc", "-initrd", initrd.path]; // microvm cannot boot by multiboot
    const { output, code } = await runOnQemu("tcg", image.path, "words", [...MICROVM, ...more]);
    strictEqual(output, `${named ? `${image.path} ` : ""}words and initrd`);
    strictEqual(code, status << 1 | 1);
  });
}
