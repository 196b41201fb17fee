import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { SplitXError } from "../../errors.ts";
import { loadKernel } from "./load.ts";
import { bzImage, guardedMemory, multibootElf, multibootFlat, pvhElf } from "./synthetic_images.ts";

const MIB = 1024 ** 2;
const SIZE = 4 * MIB;
const CODE = Uint8Array.from({ length: 64 }, (_, i) => i + 1);
const OPTIONS = { cmdline: "words", vcpus: 1, initrd: { name: "RD", bytes: CODE } };
const PACKED = new Uint8Array(gzipSync(pvhElf(CODE, 0x300000)));

/** An image of each kind, and how it starts. */
const IMAGES = {
  "a PVH ELF image": [pvhElf(CODE), "pvh", MIB],
  "a bzImage with a PVH kernel inside": [bzImage({ payload: PACKED }), "pvh", 0x300000],
  "a bzImage with another payload": [bzImage({ code: CODE, payload: CODE }), "long", MIB + 0x200],
  "a bzImage with another ELF file inside": [
    bzImage({ payload: new Uint8Array(gzipSync(multibootElf(CODE))) }),
    "long",
    MIB + 0x200,
  ],
  "a multiboot ELF image": [multibootElf(CODE), "multiboot", MIB + 12],
  "a flat multiboot image": [multibootFlat(CODE), "multiboot", 2 * MIB + 32],
} as const;

for (const [what, [file, kind, entry]] of Object.entries(IMAGES)) {
  Deno.test(`loadKernel() recognises ${what}`, () => {
    const { bytes, memory, untouched } = guardedMemory(SIZE);
    const start = loadKernel(memory, file, "IMAGE", OPTIONS);
    strictEqual(start.kind, kind);
    strictEqual(start.entry, entry);
    if (file !== IMAGES["a bzImage with another ELF file inside"][0]) {
      deepStrictEqual(bytes.slice(entry, entry + CODE.length), CODE);
    }
    ok(untouched());
  });

  Deno.test(`loadKernel() of ${what} with wrong bytes refuses it or stays inside memory`, () => {
    const { bytes, memory, untouched } = guardedMemory(SIZE);
    const place = fc.oneof(
      fc.nat(Math.min(320, file.length) - 1),
      fc.integer({ min: 0x1f0, max: 0x270 }).map((at) => at % file.length),
      fc.nat(file.length - 1),
    );
    const value = fc.oneof(fc.nat(255), fc.constantFrom(0, 0xff, 0x7f, 0x80));
    const changes = fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(changes, fc.nat(file.length), fc.boolean(), (changes, length, cut) => {
        const image = file.slice(0, cut ? length : file.length);
        for (const [at, byte] of changes) if (at < image.length) image[at] = byte;
        try {
          const { entry } = loadKernel(memory, image, "IMAGE", OPTIONS);
          ok(entry >= MIB && entry < SIZE);
          bytes.fill(0);
        } catch (error) {
          ok(error instanceof SplitXError, String(error));
          strictEqual(error.exitCode, 2);
        }
      }),
      { numRuns: 500 },
    );
    ok(untouched());
    ok(bytes.every((byte) => byte === 0), "a refused image leaves memory as it was");
  });
}

Deno.test("loadKernel() refuses files that are no kernel", () => {
  const refuses = (file: Uint8Array, code: string, words: RegExp) =>
    throws(() => loadKernel(guardedMemory(SIZE).memory, file, "IMAGE", OPTIONS), (error) => {
      ok(error instanceof SplitXError);
      strictEqual(error.code, code);
      ok(words.test(error.message), error.message);
      return true;
    });
  refuses(new Uint8Array(), "image-empty", /^guest image IMAGE is empty$/);
  refuses(CODE, "image-not-elf", /is not an ELF file, a Linux bzImage or a multiboot kernel$/);
  const damaged = PACKED.slice();
  damaged[40]! ^= 0xff;
  refuses(bzImage({ payload: damaged }), "image-damaged", /gzip data is damaged$/);
});

Deno.test("loadKernel() holds a command line against the limit in the bzImage's header", () => {
  const { memory } = guardedMemory(SIZE);
  const options = { cmdline: "x".repeat(2048), vcpus: 1 };
  throws(() => loadKernel(memory, bzImage({ payload: PACKED }), "IMAGE", options), /most 2047/);
  strictEqual(loadKernel(memory, pvhElf(CODE), "IMAGE", options).kind, "pvh");
});
