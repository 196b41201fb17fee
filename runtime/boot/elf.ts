/**
 * ELF images, as far as booting one needs: loadable segments, notes and the entry. Everything is
 * checked against the file's size; a bad image is one line, never an exception of ours.
 * Source: System V ABI, ELF-32 and ELF-64; Xen PVH boot protocol.
 */
import { usageError } from "../../errors.ts";
import type { Segment } from "./segments.ts";

const PT_LOAD = 1;
const PT_NOTE = 4;
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

/** Where the two classes keep what is read here: byte offsets, and the size of an address. */
const LAYOUTS = {
  1: {
    word: 4,
    header: { bytes: 52, table: 28, entryBytes: 42, entries: 44 },
    segment: { bytes: 32, offset: 4, virtual: 8, physical: 12, fileBytes: 16, memoryBytes: 20 },
  },
  2: {
    word: 8,
    header: { bytes: 64, table: 32, entryBytes: 54, entries: 56 },
    segment: { bytes: 56, offset: 8, virtual: 16, physical: 24, fileBytes: 32, memoryBytes: 40 },
  },
} as const;
const ENTRY = 24;

/** An ELF image. */
export interface Elf {
  /** Bits of an address. */
  readonly bits: 32 | 64;
  /** The address in its header, guest-physical. */
  readonly entry: number;
  /** Those that need memory. */
  readonly segments: readonly Segment[];
  readonly notes: readonly Uint8Array[];
}

/** A guest image that boots by PVH. */
export interface PvhImage {
  /** Where a vCPU starts, guest-physical. */
  readonly entry: number;
  readonly segments: readonly Segment[];
}

/** Whether a file says that it is an ELF file. */
export function isElf(file: Uint8Array): boolean {
  return file[0] === 0x7f && file[1] === 0x45 && file[2] === 0x4c && file[3] === 0x46;
}

/**
 * Reads an ELF image.
 *
 * @param file its bytes
 * @param name for messages
 * @throws SplitXError `image-empty`, `image-not-elf`, `image-truncated`
 */
export function readElf(file: Uint8Array, name: string): Elf {
  if (file.length === 0) throw usageError("image-empty", `guest image ${name} is empty`);
  if (!isElf(file)) throw usageError("image-not-elf", `guest image ${name} is not an ELF file`);
  const truncated = () => usageError("image-truncated", `guest image ${name} is truncated`);
  if (file.length < 6) throw truncated();
  const kind = file[4];
  if ((kind !== 1 && kind !== 2) || file[5] !== 1) {
    throw usageError("image-not-elf", `guest image ${name} is not a little-endian ELF file`);
  }
  const { word, header, segment } = LAYOUTS[kind];
  if (file.length < header.bytes) throw truncated();
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const long = (at: number) => {
    if (word === 4) return view.getUint32(at, true);
    const value = view.getBigUint64(at, true);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  };
  const table = long(header.table),
    entryBytes = view.getUint16(header.entryBytes, true),
    entries = view.getUint16(header.entries, true);
  if (entryBytes < segment.bytes || table + entries * entryBytes > file.length) throw truncated();

  const segments: Segment[] = [], notes: Uint8Array[] = [];
  let entry = long(ENTRY);
  const virtualEntry = entry;
  for (let i = 0; i < entries; i++) {
    const at = table + i * entryBytes;
    const type = view.getUint32(at, true);
    if (type !== PT_LOAD && type !== PT_NOTE) continue;
    const offset = long(at + segment.offset), fileBytes = long(at + segment.fileBytes);
    if (offset + fileBytes > file.length) throw truncated();
    const bytes = file.subarray(offset, offset + fileBytes);
    if (type === PT_NOTE) {
      notes.push(bytes);
      continue;
    }
    const memoryBytes = long(at + segment.memoryBytes), address = long(at + segment.physical);
    if (memoryBytes === 0) continue;
    if (memoryBytes < fileBytes) throw truncated();
    segments.push({ address, bytes, memoryBytes });
    const into = virtualEntry - long(at + segment.virtual);
    if (into >= 0 && into < memoryBytes) entry = address + into;
  }
  return { bits: kind === 1 ? 32 : 64, entry, segments, notes };
}

/** What boots by PVH in an image, or undefined when it has no such entry. */
export function pvhImageOf({ notes, segments }: Elf): PvhImage | undefined {
  for (const note of notes) {
    const entry = entryOfNotes(note);
    if (entry !== undefined) return { entry, segments };
  }
  return undefined;
}

/**
 * Reads a PVH ELF image.
 *
 * @param file its bytes
 * @param name for messages
 * @throws SplitXError `image-empty`, `image-not-elf`, `image-truncated`, `image-not-pvh`
 */
export function readPvhElf(file: Uint8Array, name: string): PvhImage {
  if (isElf(file) && file[4] === 1) {
    throw usageError("image-not-elf", `guest image ${name} is not a 64-bit ELF file`);
  }
  const image = pvhImageOf(readElf(file, name));
  if (image === undefined) {
    throw usageError(
      "image-not-pvh",
      `guest image ${name} has no PVH entry note (Xen ELF note 18)`,
    );
  }
  if (image.segments.length === 0) {
    throw usageError("image-not-pvh", `guest image ${name} has no segment to load`);
  }
  return image;
}

/** The entry among the notes; a note that does not fit ends the search. */
function entryOfNotes(notes: Uint8Array): number | undefined {
  const view = new DataView(notes.buffer, notes.byteOffset, notes.byteLength);
  const aligned = (size: number) => Math.ceil(size / 4) * 4;
  for (let at = 0; at + 12 <= notes.length;) {
    const nameBytes = view.getUint32(at, true), bytes = view.getUint32(at + 4, true);
    const descriptor = at + 12 + aligned(nameBytes);
    if (descriptor + bytes > notes.length) return undefined;
    const isXen = nameBytes === 4 && view.getUint32(at + 12, true) === 0x6e6558; // "Xen\0"
    if (isXen && view.getUint32(at + 8, true) === XEN_ELFNOTE_PHYS32_ENTRY && bytes >= 4) {
      return view.getUint32(descriptor, true);
    }
    at = descriptor + aligned(bytes);
  }
  return undefined;
}
