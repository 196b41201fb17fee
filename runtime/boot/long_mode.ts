/**
 * What long mode needs in memory before a kernel makes its own: page tables and a GDT.
 * Source: Intel SDM, volume 3, 4.5 and 3.4.5; Linux, Documentation/x86/boot.rst, "64-bit Boot
 * Protocol".
 */
import type { GuestMemory } from "../../cores/guest_memory.ts";

const PAGE = 4096;
const LARGE_PAGE = 2 ** 21;
/** Page directories, of 512 pages of 2 MiB each: 4 GiB. */
const DIRECTORIES = 4;
const ENTRIES = 512;
const PRESENT = 1, WRITABLE = 2, LARGE = 0x80;

/** Flat segments of ring 0: selector 0x10 is 64-bit code, 0x18 data. */
const DESCRIPTORS = [0n, 0n, 0x00af9b000000ffffn, 0x00cf93000000ffffn];

/** Bytes that {@link writePageTables} fills. */
export const PAGE_TABLE_BYTES = (2 + DIRECTORIES) * PAGE;

/**
 * Page tables that map the first 4 GiB to themselves.
 *
 * @param address a page; CR3 at the entry
 */
export function writePageTables(memory: GuestMemory, address: number): void {
  const tables = new BigUint64Array(PAGE_TABLE_BYTES / 8);
  const directories = address + 2 * PAGE;
  tables[0] = BigInt(address + PAGE | PRESENT | WRITABLE);
  for (let i = 0; i < DIRECTORIES; i++) {
    tables[ENTRIES + i] = BigInt(directories + i * PAGE | PRESENT | WRITABLE);
  }
  for (let i = 0; i < DIRECTORIES * ENTRIES; i++) {
    tables[2 * ENTRIES + i] = BigInt(i * LARGE_PAGE + (PRESENT | WRITABLE | LARGE));
  }
  memory.write(address, new Uint8Array(tables.buffer));
}

/** A GDT of four descriptors, two of them empty. */
export function writeGdt(memory: GuestMemory, address: number): void {
  memory.write(address, new Uint8Array(BigUint64Array.from(DESCRIPTORS).buffer));
}
