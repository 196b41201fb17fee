/**
 * Kernels that boot by multiboot 1: 32-bit ELF images, or any file whose multiboot header says
 * where its bytes belong. Source: Multiboot Specification 0.6.96.
 */
import type { GuestMemory } from "../../cores/guest_memory.ts";
import { usageError } from "../../errors.ts";
import type { BootOptions } from "./boot_options.ts";
import { encodeCommandLine } from "./command_line.ts";
import { isElf, readElf } from "./elf.ts";
import { placeInitrd } from "./initrd.ts";
import { BIOS_AREA, BIOS_AREA_END, hypercallPages, memoryMap } from "./memory_map.ts";
import { checkSegments, type Segment, writeSegments } from "./segments.ts";

/** The header lies in this much of the file, at a multiple of 4. */
const SEARCHED = 8192;
const HEADER_MAGIC = 0x1badb002;
const HEADER_BYTES = 12;
/** With the address fields. */
const LONG_HEADER_BYTES = 32;
/** Header flags: modules on pages, memory information (both always given), address fields. */
const PAGE_MODULES = 1, WANTS_MEMORY = 2, HAS_ADDRESSES = 0x10000;
/** A loader that does not know one of these bits must not load the kernel. */
const REQUIRED = 0xffff;

/** Where the information lies that the kernel is given, in low memory. */
const INFO = 0x1000;
const MODULES = 0x1080;
const LOADER_NAME = 0x10c0;
const MEMORY_MAP = 0x1100;
const COMMAND_LINE = 0x2000;
/** Bits of the information's first word: what it holds. */
const GIVEN = { memory: 1, commandLine: 4, modules: 8, memoryMap: 0x40, loaderName: 0x200 };
const MAP_ENTRY_BYTES = 24;
const KIB = 1024;

/** The multiboot header of a kernel. */
interface Header {
  /** Offset in the file. */
  readonly at: number;
  readonly flags: number;
}

/** How a kernel starts that boots by multiboot. */
export interface MultibootStart {
  readonly entry: number;
  /** Address of the multiboot information, for ebx. */
  readonly info: number;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function headerOf(file: Uint8Array): Header | undefined {
  const view = viewOf(file);
  for (let at = 0; at + HEADER_BYTES <= Math.min(file.length, SEARCHED); at += 4) {
    if (view.getUint32(at, true) !== HEADER_MAGIC) continue;
    const flags = view.getUint32(at + 4, true);
    if ((HEADER_MAGIC + flags + view.getUint32(at + 8, true)) >>> 0 === 0) return { at, flags };
  }
  return undefined;
}

/** Whether a file has a multiboot header. */
export function isMultiboot(file: Uint8Array): boolean {
  return headerOf(file) !== undefined;
}

/**
 * Loads a kernel, for which {@link isMultiboot} holds. Its command line begins with `name`, as
 * other loaders have it; an initrd becomes its one module.
 *
 * @param name for messages
 * @throws SplitXError those of `readElf`, `image-not-bootable`, `image-truncated`,
 *   `image-too-large`, `image-outside-memory`, `image-bad-entry`, `cmdline-bad`,
 *   `cmdline-too-long`, `initrd-empty`, `initrd-too-large`
 */
export function loadMultiboot(
  memory: GuestMemory,
  file: Uint8Array,
  name: string,
  options: BootOptions,
): MultibootStart {
  const header = headerOf(file);
  const unfit = (why: string) => usageError("image-not-bootable", `guest image ${name} ${why}`);
  if (!header) throw unfit("has no multiboot header");
  const unknown = header.flags & REQUIRED & ~(PAGE_MODULES | WANTS_MEMORY);
  if (unknown !== 0) {
    throw unfit(`asks for multiboot features that are not there (0x${unknown.toString(16)})`);
  }
  const hasAddresses = (header.flags & HAS_ADDRESSES) !== 0;
  if (!hasAddresses && (!isElf(file) || file[4] !== 1)) {
    throw unfit("is a multiboot kernel, but neither a 32-bit ELF file nor one with addresses");
  }
  const { entry, segments } = hasAddresses
    ? segmentByAddresses(file, header.at, name)
    : readElf(file, name);
  const top = hypercallPages(memory.size, options.vcpus);
  const end = checkSegments(segments, entry, memory, top, name);
  const commandLine = encodeCommandLine(`${name} ${options.cmdline}`);
  const { initrd } = options;
  const module = initrd && { address: placeInitrd(initrd, end, top), bytes: initrd.bytes };

  writeSegments(memory, segments);
  if (module) {
    const { address, bytes } = module;
    memory.write(address, bytes);
    memory.write(MODULES, wordsOf([address, address + bytes.length, 0, 0]));
  }
  const map = memoryMapTable(memory.size, options.vcpus);
  memory.write(MEMORY_MAP, map);
  memory.write(COMMAND_LINE, commandLine);
  memory.write(LOADER_NAME, new TextEncoder().encode("SplitX\0"));
  memory.write(INFO, information(top, map.length, module ? 1 : 0));
  return { entry, info: INFO };
}

/** The one segment that the header's address fields describe, and the entry. */
function segmentByAddresses(
  file: Uint8Array,
  at: number,
  name: string,
): { entry: number; segments: Segment[] } {
  const truncated = () => usageError("image-truncated", `guest image ${name} is truncated`);
  if (at + LONG_HEADER_BYTES > file.length) throw truncated();
  const view = viewOf(file);
  const [headerAddress, address, loadEnd, bssEnd, entry] = [12, 16, 20, 24, 28]
    .map((field) => view.getUint32(at + field, true)) as [number, number, number, number, number];
  const start = at - (headerAddress - address);
  const bytesEnd = loadEnd === 0 ? file.length : start + (loadEnd - address);
  if (start < 0 || bytesEnd < start || address > headerAddress) {
    throw usageError(
      "image-not-bootable",
      `guest image ${name} has a multiboot header whose addresses do not fit together`,
    );
  }
  if (bytesEnd > file.length) throw truncated();
  const bytes = file.subarray(start, bytesEnd);
  const memoryBytes = Math.max(bytes.length, bssEnd === 0 ? 0 : bssEnd - address);
  return { entry, segments: [{ address, bytes, memoryBytes }] };
}

function wordsOf(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * words.length), view = viewOf(bytes);
  words.forEach((word, i) => view.setUint32(4 * i, word, true));
  return bytes;
}

/** struct multiboot_info. */
function information(top: number, mapBytes: number, modules: number): Uint8Array {
  const given = GIVEN.memory | GIVEN.commandLine | GIVEN.memoryMap | GIVEN.loaderName |
    (modules ? GIVEN.modules : 0);
  const lower = BIOS_AREA / KIB, upper = Math.floor((top - BIOS_AREA_END) / KIB);
  const words = new Array<number>(22).fill(0);
  words.splice(0, 7, given, lower, upper, 0, COMMAND_LINE, modules, modules ? MODULES : 0);
  words.splice(11, 2, mapBytes, MEMORY_MAP);
  words[16] = LOADER_NAME;
  return wordsOf(words);
}

/** Entries of a size word, which does not count itself, address, length and type. */
function memoryMapTable(memoryBytes: number, vcpus: number): Uint8Array {
  const halves = (value: number) => [value % 2 ** 32, Math.floor(value / 2 ** 32)];
  return wordsOf(
    memoryMap(memoryBytes, vcpus).flatMap(({ address, bytes, type }) => [
      ...[MAP_ENTRY_BYTES - 4, ...halves(address)],
      ...[...halves(bytes), type],
    ]),
  );
}
