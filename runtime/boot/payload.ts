/**
 * The kernel inside a bzImage, unpacked on the host instead of in the guest. Formats are told apart
 * by their first bytes; the last four bytes of every payload are its unpacked size (Linux,
 * scripts/Makefile.lib, `size_append`; gzip has it as ISIZE).
 */
import { Buffer } from "node:buffer";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { decompressSync as unxz } from "@napi-rs/lzma/xz";
import lz4 from "lz4-napi";
import { usageError } from "../../errors.ts";

const SIZE_BYTES = 4;

interface Format {
  readonly name: string;
  readonly magic: readonly number[];
  /** @param size what it unpacks to */
  unpack(payload: Uint8Array, size: number): Uint8Array;
}

/** The stream without the size that the kernel's build appended. */
function streamOf(payload: Uint8Array): Uint8Array {
  return payload.subarray(0, payload.length - SIZE_BYTES);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const FORMATS: readonly Format[] = [
  {
    name: "gzip",
    magic: [0x1f, 0x8b],
    unpack: (payload, size) => gunzipSync(payload, { maxOutputLength: size }),
  },
  {
    name: "zstd",
    magic: [0x28, 0xb5, 0x2f, 0xfd],
    unpack: (payload, size) => zstdDecompressSync(streamOf(payload), { maxOutputLength: size }),
  },
  {
    name: "lz4", // the legacy frame
    magic: [0x02, 0x21, 0x4c, 0x18],
    unpack: (payload) => lz4.decompressFrameSync(bufferOf(streamOf(payload))),
  },
  {
    name: "xz",
    magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
    unpack: (payload) => unxz(streamOf(payload)),
  },
];

/**
 * Unpacks a bzImage's payload.
 *
 * @param name of the image, for messages
 * @param most bytes that it may unpack to
 * @returns undefined when its format is none of gzip, zstd, lz4 and xz
 * @throws SplitXError `image-too-large`, `image-damaged`
 */
export function unpackPayload(
  payload: Uint8Array,
  name: string,
  most: number,
): Uint8Array | undefined {
  const format = FORMATS.find(({ magic }) => magic.every((byte, i) => payload[i] === byte));
  if (!format || payload.length < format.magic.length + SIZE_BYTES) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const size = view.getUint32(payload.length - SIZE_BYTES, true);
  if (size > most) {
    throw usageError(
      "image-too-large",
      `guest image ${name} unpacks to ${size} bytes, more than the guest's memory of ${most} bytes`,
    );
  }
  const unpacked = attempt(() => format.unpack(payload, size));
  if (unpacked?.length !== size) {
    throw usageError(
      "image-damaged",
      `guest image ${name} holds a kernel whose ${format.name} data is damaged`,
    );
  }
  return unpacked;
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
