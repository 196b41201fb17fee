/** Recognises a guest image, loads it and tells how its first vCPU starts. */
import type { GuestMemory } from "../../cores/guest_memory.ts";
import { usageError } from "../../errors.ts";
import type { BootOptions } from "./boot_options.ts";
import { isBzImage, loadBzImage, type LongModeStart, readBzImage } from "./bzimage.ts";
import { encodeCommandLine } from "./command_line.ts";
import { isElf, type PvhImage, pvhImageOf, readElf, readPvhElf } from "./elf.ts";
import { isMultiboot, loadMultiboot, type MultibootStart } from "./multiboot.ts";
import { unpackPayload } from "./payload.ts";
import { freeBytes } from "../free_bytes.ts";
import { loadPvh } from "./pvh.ts";

/** How a vCPU starts. */
export type StartState =
  | { readonly kind: "pvh"; readonly entry: number; readonly startInfo: number }
  | { readonly kind: "long" } & LongModeStart
  | { readonly kind: "multiboot" } & MultibootStart;

/**
 * Loads a PVH ELF image, a Linux bzImage or a multiboot kernel. A bzImage is unpacked here and
 * booted by PVH where it can be; otherwise it unpacks itself in the guest.
 *
 * @param kernel the file's bytes
 * @param name for messages
 * @throws SplitXError one line that names the file and what is wrong; memory is untouched then
 */
export function loadKernel(
  memory: GuestMemory,
  kernel: Uint8Array,
  name: string,
  options: BootOptions,
): StartState {
  if (isBzImage(kernel)) {
    const image = readBzImage(kernel, name);
    const unpacked = unpackPayload(image.payload, name, memory.size);
    const pvh = unpacked && isElf(unpacked) ? pvhImageOf(readElf(unpacked, name)) : undefined;
    if (!unpacked || !pvh) return { kind: "long", ...loadBzImage(memory, image, name, options) };
    encodeCommandLine(options.cmdline, image.commandLineBytes);
    const start = startPvh(memory, pvh, name, options);
    freeBytes(unpacked);
    return start;
  }
  if (isMultiboot(kernel)) {
    return { kind: "multiboot", ...loadMultiboot(memory, kernel, name, options) };
  }
  if (kernel.length > 0 && !isElf(kernel)) {
    throw usageError(
      "image-not-elf",
      `guest image ${name} is not an ELF file, a Linux bzImage or a multiboot kernel`,
    );
  }
  return startPvh(memory, readPvhElf(kernel, name), name, options);
}

function startPvh(
  memory: GuestMemory,
  image: PvhImage,
  name: string,
  options: BootOptions,
): StartState {
  const startInfo = loadPvh(memory, image, name, options);
  return { kind: "pvh", entry: image.entry, startInfo };
}
