/** Small images of every kind that boots, made for tests. */
import { GuestMemory } from "../../cores/guest_memory.ts";

const PVH_NOTE = 18;
const NO_BYTES = new Uint8Array();

/** A view by address does not keep an array alive; this does. */
const kept: Uint8Array[] = [];

/** Memory in an array, with bytes around it that nobody may touch. */
export function guardedMemory(
  size: number,
): { bytes: Uint8Array<ArrayBuffer>; memory: GuestMemory; untouched: () => boolean } {
  const margin = 4096;
  const all = new Uint8Array(size + 2 * margin).fill(0xa5, 0, margin).fill(0xa5, size + margin);
  kept.push(all);
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(all)) + BigInt(margin);
  const around = [all.subarray(0, margin), all.subarray(size + margin)];
  return {
    bytes: all.subarray(margin, size + margin),
    memory: new GuestMemory(address, size),
    untouched: () => around.every((part) => part.every((byte) => byte === 0xa5)),
  };
}

/** Bytes set at offsets, zero between them. */
function bytesWith(
  size: number,
  parts: readonly (readonly [number, Uint8Array])[],
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (const [at, part] of parts) bytes.set(part, at);
  return bytes;
}

/** An ELF-64 image with one segment and a PVH note; its entry is the segment's first byte. */
export function pvhElf(code: Uint8Array, address = 0x100000): Uint8Array<ArrayBuffer> {
  const codeAt = 256, noteAt = 192;
  const file = bytesWith(codeAt + code.length, [[codeAt, code]]);
  const view = new DataView(file.buffer);
  elfIdentity(view, 2, 62);
  view.setBigUint64(24, BigInt(address), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 2, true);
  const header = (at: number, type: number, offset: number, bytes: number, place: number) => {
    view.setUint32(at, type, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 16, BigInt(place), true);
    view.setBigUint64(at + 24, BigInt(place), true);
    view.setBigUint64(at + 32, BigInt(bytes), true);
    view.setBigUint64(at + 40, BigInt(bytes), true);
    view.setBigUint64(at + 48, 4n, true);
  };
  header(64, 1, codeAt, code.length, address);
  header(120, 4, noteAt, 20, 0);
  [4, 4, PVH_NOTE, 0x6e6558, address].forEach((word, i) => {
    view.setUint32(noteAt + 4 * i, word, true);
  });
  return file;
}

/** The head of an executable for a machine (EM_386 3, EM_X86_64 62). */
function elfIdentity(view: DataView, kind: number, machine: number): void {
  view.setUint32(0, 0x464c457f, true);
  [kind, 1, 1].forEach((byte, i) => view.setUint8(4 + i, byte));
  view.setUint16(16, 2, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
}

/** What a bzImage is made of. */
export interface BzImageParts {
  /** From the 64-bit entry on. */
  readonly code?: Uint8Array;
  readonly payload?: Uint8Array;
  /** Highest address of an initrd. */
  readonly initrdMax?: number;
  /** Memory that it needs to start. */
  readonly memoryBytes?: number;
  readonly preferredAddress?: number;
}

/** A bzImage of boot protocol 2.15 with a setup sector of its own. */
export function bzImage(parts: BzImageParts): Uint8Array<ArrayBuffer> {
  const { code = NO_BYTES, payload = NO_BYTES } = parts;
  const setup = 1024, entry = 0x200, payloadAt = entry + code.length;
  const units = Math.ceil((payloadAt + payload.length + 1) / 16);
  const file = bytesWith(setup + units * 16, [
    [setup + entry, code],
    [setup + payloadAt, payload],
  ]);
  const view = new DataView(file.buffer);
  view.setUint8(0x1f1, setup / 512 - 1);
  view.setUint32(0x1f4, units, true);
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint16(0x200, 0x6aeb, true); // jmp over a header that ends at 0x26c
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, 0x020f, true);
  view.setUint8(0x211, 1);
  view.setUint32(0x22c, parts.initrdMax ?? 0x7fffffff, true);
  view.setUint32(0x230, 0x200000, true);
  view.setUint8(0x234, 1);
  view.setUint16(0x236, 1, true);
  view.setUint32(0x238, 2047, true);
  view.setUint32(0x248, payloadAt, true);
  view.setUint32(0x24c, payload.length, true);
  view.setBigUint64(0x258, BigInt(parts.preferredAddress ?? 0x200000), true);
  view.setUint32(0x260, parts.memoryBytes ?? 0x10000, true);
  return file;
}

/** An ELF-32 image with a multiboot header; its entry, a virtual address, follows the header. */
export function multibootElf(code: Uint8Array, flags = 3): Uint8Array<ArrayBuffer> {
  const at = 128, headerBytes = 12, address = 0x100000, virtual = 0xc0100000;
  const file = bytesWith(at + headerBytes + code.length, [[at + headerBytes, code]]);
  const view = new DataView(file.buffer);
  elfIdentity(view, 1, 3);
  view.setUint32(24, virtual + headerBytes, true);
  view.setUint32(28, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, 1, true);
  const bytes = headerBytes + code.length;
  [1, at, virtual, address, bytes, bytes + 4096, 7, 4].forEach((word, i) => {
    view.setUint32(52 + 4 * i, word, true);
  });
  multibootHeader(view, at, flags);
  return file;
}

/** A flat binary whose multiboot header says where it belongs. */
export function multibootFlat(code: Uint8Array): Uint8Array<ArrayBuffer> {
  const at = 16, headerBytes = 32, address = 0x200000;
  const file = bytesWith(at + headerBytes + code.length, [[at + headerBytes, code]]);
  const view = new DataView(file.buffer);
  multibootHeader(view, at, 0x10003);
  const end = address + headerBytes + code.length;
  [address, address, end, end + 4096, address + headerBytes].forEach((word, i) => {
    view.setUint32(at + 12 + 4 * i, word, true);
  });
  return file;
}

function multibootHeader(view: DataView, at: number, flags: number): void {
  view.setUint32(at, 0x1badb002, true);
  view.setUint32(at + 4, flags, true);
  view.setUint32(at + 8, -(0x1badb002 + flags), true);
}
