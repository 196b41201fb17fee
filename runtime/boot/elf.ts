/**
 * ELF images, as far as booting one needs: loadable segments and the PVH entry note. Everything
 * is checked against the file's size; a bad image is one line, never an exception of ours.
 * Source: System V ABI, ELF-64; Xen PVH boot protocol.
 */
import { usageError } from "../../errors.ts";

const PT_LOAD = 1;
const PT_NOTE = 4;
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

/** A part of the file that belongs at a guest-physical address. */
export interface Segment {
  readonly address: number;
  /** Bytes from the file; memory beyond them, up to `memoryBytes`, is zero. */
  readonly bytes: Uint8Array;
  readonly memoryBytes: number;
}

/** A guest image that boots by PVH. */
export interface PvhImage {
  /** Where a vCPU starts, guest-physical. */
  readonly entry: number;
  readonly segments: readonly Segment[];
}

/**
 * Reads a PVH ELF image.
 *
 * @param file its bytes
 * @param name for messages
 * @throws SplitXError `image-empty`, `image-not-elf`, `image-truncated`, `image-not-pvh`
 */
export function readPvhElf(file: Uint8Array, name: string): PvhImage {
  if (file.length === 0) throw usageError("image-empty", `guest image ${name} is empty`);
  if (
    file.length < 4 || file[0] !== 0x7f || file[1] !== 0x45 || file[2] !== 0x4c || file[3] !== 0x46
  ) {
    throw usageError("image-not-elf", `guest image ${name} is not an ELF file`);
  }
  const truncated = () => usageError("image-truncated", `guest image ${name} is truncated`);
  if (file.length < 64) throw truncated();
  if (file[4] !== 2 || file[5] !== 1) {
    throw usageError("image-not-elf", `guest image ${name} is not a 64-bit little-endian ELF file`);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const long = (at: number) => {
    const value = view.getBigUint64(at, true);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  };
  const headers = long(32),
    headerBytes = view.getUint16(54, true),
    count = view.getUint16(56, true);
  if (headerBytes < 56 || headers + count * headerBytes > file.length) throw truncated();

  const segments: Segment[] = [];
  let entry: number | undefined;
  for (let i = 0; i < count; i++) {
    const at = headers + i * headerBytes;
    const type = view.getUint32(at, true);
    if (type !== PT_LOAD && type !== PT_NOTE) continue;
    const offset = long(at + 8), fileBytes = long(at + 32), memoryBytes = long(at + 40);
    if (offset + fileBytes > file.length) throw truncated();
    const bytes = file.subarray(offset, offset + fileBytes);
    if (type === PT_NOTE) entry ??= entryOfNotes(bytes);
    else if (memoryBytes > 0) {
      if (memoryBytes < fileBytes) throw truncated();
      segments.push({ address: long(at + 24), bytes, memoryBytes });
    }
  }
  if (entry === undefined) {
    throw usageError(
      "image-not-pvh",
      `guest image ${name} has no PVH entry note (Xen ELF note 18)`,
    );
  }
  if (segments.length === 0) {
    throw usageError("image-not-pvh", `guest image ${name} has no segment to load`);
  }
  return { entry, segments };
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
