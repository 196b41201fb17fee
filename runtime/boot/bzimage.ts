/**
 * Linux kernels as bzImage files, entered by the 64-bit boot protocol.
 * Source: Linux, Documentation/x86/boot.rst and zero-page.rst; offsets are those of the setup
 * header, which the file and `struct boot_params` (the zero page) share.
 */
import type { GuestMemory } from "../../cores/guest_memory.ts";
import { usageError } from "../../errors.ts";
import type { BootOptions } from "./boot_options.ts";
import { encodeCommandLine } from "./command_line.ts";
import { placeInitrd } from "./initrd.ts";
import { PAGE_TABLE_BYTES, writeGdt, writePageTables } from "./long_mode.ts";
import { BIOS_AREA_END, hypercallPages, memoryMap, type MemoryRange } from "./memory_map.ts";

const SECTOR = 512;
const HEADER = {
  start: 0x1f1,
  setupSectors: 0x1f1,
  systemSize: 0x1f4,
  bootFlag: 0x1fe,
  /** Length byte of the jump at 0x200, relative to 0x202: where the header ends. */
  jump: 0x201,
  magic: 0x202,
  version: 0x206,
  loader: 0x210,
  loadFlags: 0x211,
  initrdAddress: 0x218,
  initrdBytes: 0x21c,
  commandLine: 0x228,
  initrdMax: 0x22c,
  alignment: 0x230,
  extendedFlags: 0x236,
  commandLineBytes: 0x238,
  payloadOffset: 0x248,
  payloadBytes: 0x24c,
  preferredAddress: 0x258,
  memoryBytes: 0x260,
  /** Of protocol 2.12. */
  end: 0x268,
} as const;
const BOOT_FLAG = 0xaa55;
const MAGIC = 0x53726448; // "HdrS"
const OLDEST = 0x020c;
/** loadFlags: the kernel belongs at 1 MiB. */
const LOADED_HIGH = 1;
/** extendedFlags: it has the 64-bit entry. */
const KERNEL_64 = 1;
const UNREGISTERED_LOADER = 0xff;
const ENTRY_64 = 0x200;

/** Fields of `struct boot_params` outside the setup header. */
const PARAMS = { rsdp: 0x70, mapEntries: 0x1e8, headerEnd: 0x290, map: 0x2d0 } as const;
const MAP_ENTRY_BYTES = 20;
const PAGE = 4096;

/** Where things go, in low memory. */
const ZERO_PAGE = 0x10000;
const GDT = ZERO_PAGE + PAGE;
const PAGE_TABLES = GDT + PAGE;
const COMMAND_LINE = PAGE_TABLES + PAGE_TABLE_BYTES;

/** A bzImage, taken apart. */
export interface BzImage {
  /** The setup header as the zero page holds it. */
  readonly header: Uint8Array;
  /** The protected-mode code, which holds the compressed kernel. */
  readonly code: Uint8Array;
  /** The compressed kernel; empty when the header does not tell where it is. */
  readonly payload: Uint8Array;
  /** The longest command line in bytes, its zero not included. */
  readonly commandLineBytes: number;
  /** The highest address that an initrd may use. */
  readonly initrdMax: number;
  /** Where the kernel ends once it has unpacked itself, with what it needs to start. */
  readonly end: number;
}

/** How a kernel starts that is entered in long mode. */
export interface LongModeStart {
  readonly entry: number;
  /** For rsi. */
  readonly zeroPage: number;
  readonly pageTables: number;
  readonly gdt: number;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether a file says that it is a Linux kernel. */
export function isBzImage(file: Uint8Array): boolean {
  if (file.length < HEADER.version) return false;
  const view = viewOf(file);
  return view.getUint16(HEADER.bootFlag, true) === BOOT_FLAG &&
    view.getUint32(HEADER.magic, true) === MAGIC;
}

/**
 * Takes a bzImage apart.
 *
 * @param file its bytes, for which {@link isBzImage} holds
 * @param name for messages
 * @throws SplitXError `image-truncated`, `image-not-bootable`
 */
export function readBzImage(file: Uint8Array, name: string): BzImage {
  const truncated = () => usageError("image-truncated", `guest image ${name} is truncated`);
  const unfit = (why: string) => usageError("image-not-bootable", `guest image ${name} ${why}`);
  if (file.length < HEADER.end) throw truncated();
  const view = viewOf(file);
  const version = view.getUint16(HEADER.version, true);
  if (version < OLDEST) {
    throw unfit(`speaks boot protocol ${version >> 8}.${version & 0xff}, at least 2.12 is needed`);
  }
  if ((view.getUint8(HEADER.loadFlags) & LOADED_HIGH) === 0) {
    throw unfit("is a zImage, a bzImage is needed");
  }
  if ((view.getUint16(HEADER.extendedFlags, true) & KERNEL_64) === 0) {
    throw unfit("has no 64-bit entry: it is not an x86-64 kernel");
  }
  const start = ((view.getUint8(HEADER.setupSectors) || 4) + 1) * SECTOR;
  const codeBytes = view.getUint32(HEADER.systemSize, true) * 16;
  if (codeBytes <= ENTRY_64) throw unfit("holds no kernel");
  if (start + codeBytes > file.length) throw truncated();
  const headerEnd = HEADER.magic + view.getUint8(HEADER.jump);
  if (headerEnd < HEADER.end - 4) throw unfit("has a setup header that is too short");
  const code = file.subarray(start, start + codeBytes);
  const payloadStart = view.getUint32(HEADER.payloadOffset, true);
  const payloadEnd = payloadStart + view.getUint32(HEADER.payloadBytes, true);
  if (payloadEnd > codeBytes) throw truncated();

  const alignment = view.getUint32(HEADER.alignment, true) || 1;
  const aligned = Math.ceil(BIOS_AREA_END / alignment) * alignment;
  const preferred = Number(view.getBigUint64(HEADER.preferredAddress, true));
  const memoryBytes = Math.max(codeBytes, view.getUint32(HEADER.memoryBytes, true));
  return {
    header: file.subarray(HEADER.start, Math.min(headerEnd, PARAMS.headerEnd)),
    code,
    payload: code.subarray(payloadStart, payloadEnd),
    commandLineBytes: view.getUint32(HEADER.commandLineBytes, true),
    initrdMax: view.getUint32(HEADER.initrdMax, true),
    end: Math.max(aligned, preferred) + memoryBytes,
  };
}

/**
 * Loads a bzImage at 1 MiB, from where it unpacks itself.
 *
 * @param name for messages
 * @throws SplitXError `image-too-large`, `cmdline-bad`, `cmdline-too-long`, `initrd-empty`,
 *   `initrd-too-large`
 */
export function loadBzImage(
  memory: GuestMemory,
  image: BzImage,
  name: string,
  options: BootOptions,
): LongModeStart {
  const { initrd, rsdp = 0 } = options;
  const top = hypercallPages(memory.size, options.vcpus);
  if (image.end > top) {
    throw usageError(
      "image-too-large",
      `guest image ${name} needs memory up to 0x${
        image.end.toString(16)
      }, the guest's memory of ${memory.size} bytes ends before`,
    );
  }
  const commandLine = encodeCommandLine(options.cmdline, image.commandLineBytes);
  const ceiling = Math.min(top, image.initrdMax + 1);
  const initrdAddress = initrd ? placeInitrd(initrd, image.end, ceiling) : 0;

  const zeroPage = new Uint8Array(PAGE);
  zeroPage.set(image.header, HEADER.start);
  const view = viewOf(zeroPage);
  view.setUint8(HEADER.loader, UNREGISTERED_LOADER);
  view.setUint32(HEADER.commandLine, COMMAND_LINE, true);
  view.setUint32(HEADER.initrdAddress, initrdAddress, true);
  view.setUint32(HEADER.initrdBytes, initrd?.bytes.length ?? 0, true);
  view.setBigUint64(PARAMS.rsdp, BigInt(rsdp), true);
  writeMap(view, memoryMap(memory.size, options.vcpus));

  memory.write(BIOS_AREA_END, image.code);
  if (initrd) memory.write(initrdAddress, initrd.bytes);
  memory.write(COMMAND_LINE, commandLine);
  memory.write(ZERO_PAGE, zeroPage);
  writeGdt(memory, GDT);
  writePageTables(memory, PAGE_TABLES);
  return {
    entry: BIOS_AREA_END + ENTRY_64,
    zeroPage: ZERO_PAGE,
    pageTables: PAGE_TABLES,
    gdt: GDT,
  };
}

/** `e820_table`, entries of `struct boot_e820_entry`. */
function writeMap(view: DataView, ranges: readonly MemoryRange[]): void {
  view.setUint8(PARAMS.mapEntries, ranges.length);
  ranges.forEach((range, i) => {
    const at = PARAMS.map + i * MAP_ENTRY_BYTES;
    view.setBigUint64(at, BigInt(range.address), true);
    view.setBigUint64(at + 8, BigInt(range.bytes), true);
    view.setUint32(at + 16, range.type, true);
  });
}
