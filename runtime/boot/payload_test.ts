import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import lz4 from "lz4-napi";
import { compressSync as packXz } from "@napi-rs/lzma/xz";
import { SplitXError } from "../../errors.ts";
import { unpackPayload } from "./payload.ts";

const MIB = 1024 ** 2;

/** A stream with the unpacked size behind it, as the kernel's build appends it. */
function sized(stream: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(stream.length + 4);
  bytes.set(stream);
  new DataView(bytes.buffer).setUint32(stream.length, size, true);
  return bytes;
}

/** LZ4's legacy frame: blocks of 8 MiB, each behind its packed size. */
function packLz4(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x02, 0x21, 0x4c, 0x18)];
  for (let at = 0; at < bytes.length; at += 8 * MIB) {
    const block = lz4.compressSync(Buffer.from(bytes.subarray(at, at + 8 * MIB))).subarray(4);
    parts.push(new Uint8Array(Uint32Array.of(block.length).buffer), block);
  }
  return Buffer.concat(parts);
}

const PACKERS: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  gzip: (bytes) => new Uint8Array(gzipSync(bytes)), // holds its size itself
  zstd: (bytes) => sized(zstdCompressSync(bytes), bytes.length),
  lz4: (bytes) => sized(packLz4(bytes), bytes.length),
  xz: (bytes) => sized(packXz(bytes), bytes.length),
};

/** What the tools with which a kernel is built make of this text. */
const TEXT = "SplitX unpacks kernels on the host. ".repeat(8);
const FROM_TOOLS = {
  "xz --check=crc32 --x86 --lzma2=dict=32MiB":
    "/Td6WFoAAAFpIt42AgEEACEBGgAByYCz4AEfACtdACmcCYaxQR1aWSj5/cNGSN9w/Ta50tTOm2jeq3iEeg2yBbtA7gIi" +
    "kaUCAAAAAF27KMEAAUOgAgAAAAL7t5A+MA2LAgAAAAABWVo=",
  "lz4 -l -9": "AiFMGC8AAAD/FVNwbGl0WCB1bnBhY2tzIGtlcm5lbHMgb24gdGhlIGhvc3QuICQA5FBvc3QuIA==",
};

function refused(code: string) {
  return (error: unknown) => {
    ok(error instanceof SplitXError, String(error));
    strictEqual(error.code, code);
    strictEqual(error.exitCode, 2);
    return true;
  };
}

for (const [format, pack] of Object.entries(PACKERS)) {
  Deno.test(`unpackPayload() gives back what ${format} packed`, () => {
    const large = new Uint8Array(9 * MIB);
    for (let i = 0; i < large.length; i += 4099) large[i] = i;
    deepStrictEqual(new Uint8Array(unpackPayload(pack(large), "IMAGE", 9 * MIB)!), large);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), (bytes) => {
        deepStrictEqual(new Uint8Array(unpackPayload(pack(bytes), "IMAGE", 3000)!), bytes);
      }),
      { numRuns: 50 },
    );
  });

  Deno.test(`unpackPayload() refuses ${format} that is damaged or larger than memory`, () => {
    const packed = pack(new TextEncoder().encode(TEXT));
    throws(
      () => unpackPayload(packed, "IMAGE", TEXT.length - 1),
      refused("image-too-large"),
    );
    const wrongSize = packed.slice();
    wrongSize[packed.length - 4]! ^= 1;
    throws(() => unpackPayload(wrongSize, "IMAGE", MIB), refused("image-damaged"));
    throws(
      () => unpackPayload(sized(packed.subarray(0, 30), TEXT.length), "IMAGE", MIB),
      refused("image-damaged"),
    );
  });

  Deno.test(`unpackPayload() of ${format} with wrong bytes refuses it or stays within its size`, () => {
    const packed = pack(new TextEncoder().encode(TEXT));
    const change = fc.tuple(fc.nat(packed.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = packed.slice();
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const unpacked = unpackPayload(bytes, "IMAGE", MIB);
          ok(unpacked === undefined || unpacked.length <= MIB);
        } catch (error) {
          ok(error instanceof SplitXError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
}

for (const [tool, base64] of Object.entries(FROM_TOOLS)) {
  Deno.test(`unpackPayload() reads what ${tool} made`, () => {
    const payload = sized(Buffer.from(base64, "base64"), TEXT.length);
    strictEqual(new TextDecoder().decode(unpackPayload(payload, "IMAGE", MIB)), TEXT);
  });
}

Deno.test("unpackPayload() leaves a format that it does not know to the guest", () => {
  strictEqual(unpackPayload(new Uint8Array(), "IMAGE", MIB), undefined);
  strictEqual(unpackPayload(Uint8Array.of(0x1f, 0x8b), "IMAGE", MIB), undefined);
  strictEqual(unpackPayload(new TextEncoder().encode("BZh91AY&SY....."), "IMAGE", MIB), undefined);
});
