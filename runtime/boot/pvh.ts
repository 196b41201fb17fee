/**
 * Boots an image by the PVH protocol: loads it and writes what its entry expects to find.
 * Source: Xen, arch-x86/hvm/start_info.h.
 */
import type { GuestMemory } from "../../cores/guest_memory.ts";
import type { BootOptions } from "./boot_options.ts";
import { encodeCommandLine } from "./command_line.ts";
import type { PvhImage } from "./elf.ts";
import { placeInitrd } from "./initrd.ts";
import { hypercallPages, memoryMap, type MemoryRange } from "./memory_map.ts";
import { checkSegments, writeSegments } from "./segments.ts";

/** struct hvm_start_info, and the things that it points at, in low memory. */
const START_INFO = 0x1000;
const MODULES = 0x1040;
const MEMORY_MAP = 0x1100;
const COMMAND_LINE = 0x2000;
const START_INFO_MAGIC = 0x336ec578;

/**
 * Loads an image.
 *
 * @param name for messages
 * @returns the address of `hvm_start_info`, for ebx at the entry
 * @throws SplitXError `image-too-large`, `image-outside-memory`, `image-bad-entry`,
 *   `cmdline-bad`, `cmdline-too-long`, `initrd-empty`, `initrd-too-large`
 */
export function loadPvh(
  memory: GuestMemory,
  image: PvhImage,
  name: string,
  options: BootOptions,
): number {
  const { initrd, rsdp = 0 } = options;
  const top = hypercallPages(memory.size, options.vcpus);
  const end = checkSegments(image.segments, image.entry, memory, top, name);
  const commandLine = encodeCommandLine(options.cmdline);
  const module = initrd && { address: placeInitrd(initrd, end, top), bytes: initrd.bytes };
  const map = memoryMap(memory.size, options.vcpus);

  writeSegments(memory, image.segments);
  memory.write(COMMAND_LINE, commandLine);
  memory.write(MEMORY_MAP, memoryMapTable(map));
  if (module) {
    memory.write(module.address, module.bytes);
    memory.write(MODULES, moduleEntry(module.address, module.bytes.length));
  }
  memory.write(START_INFO, startInfo(map.length, module ? 1 : 0, rsdp));
  return START_INFO;
}

function startInfo(mapEntries: number, modules: number, rsdp: number): Uint8Array {
  const bytes = new Uint8Array(56);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, START_INFO_MAGIC, true);
  view.setUint32(4, 1, true); // version 1: with a memory map
  view.setUint32(12, modules, true);
  view.setBigUint64(16, BigInt(modules ? MODULES : 0), true);
  view.setBigUint64(24, BigInt(COMMAND_LINE), true);
  view.setBigUint64(32, BigInt(rsdp), true);
  view.setBigUint64(40, BigInt(MEMORY_MAP), true);
  view.setUint32(48, mapEntries, true);
  return bytes;
}

/** struct hvm_modlist_entry, without a command line of its own. */
function moduleEntry(address: number, size: number): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(address), true);
  view.setBigUint64(8, BigInt(size), true);
  return bytes;
}

/** struct hvm_memmap_table_entry for each range. */
function memoryMapTable(ranges: readonly MemoryRange[]): Uint8Array {
  const bytes = new Uint8Array(24 * ranges.length);
  const view = new DataView(bytes.buffer);
  ranges.forEach((range, i) => {
    view.setBigUint64(24 * i, BigInt(range.address), true);
    view.setBigUint64(24 * i + 8, BigInt(range.bytes), true);
    view.setUint32(24 * i + 16, range.type, true);
  });
  return bytes;
}
