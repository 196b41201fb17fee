import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { SplitXError } from "../../errors.ts";
import type { BootOptions } from "./boot_options.ts";
import { hypercallPages, memoryMap } from "./memory_map.ts";
import { isMultiboot, loadMultiboot } from "./multiboot.ts";
import { guardedMemory, multibootElf, multibootFlat } from "./synthetic_images.ts";

const MIB = 1024 ** 2;
const SIZE = 8 * MIB;
const CODE = Uint8Array.of(1, 2, 3, 4);

function load(file: Uint8Array, options: Partial<BootOptions> = {}) {
  const { bytes, memory, untouched } = guardedMemory(SIZE);
  const start = loadMultiboot(memory, file, "IMAGE", { cmdline: "a=b", vcpus: 1, ...options });
  ok(untouched());
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const textAt = (at: number) => new TextDecoder().decode(bytes.slice(at, bytes.indexOf(0, at)));
  return { bytes, start, textAt, word: (at: number) => view.getUint32(at, true) };
}

function refuses(file: Uint8Array, code: string, words: RegExp, options = {}): void {
  throws(() => load(file, options), (error: unknown) => {
    ok(error instanceof SplitXError, String(error));
    strictEqual(error.code, code);
    strictEqual(error.exitCode, 2);
    ok(words.test(error.message), error.message);
    return true;
  });
}

/** A copy with words changed. */
function changed(file: Uint8Array<ArrayBuffer>, words: Readonly<Record<number, number>>) {
  const copy = file.slice(), view = new DataView(copy.buffer);
  for (const [at, word] of Object.entries(words)) view.setUint32(Number(at), word, true);
  return copy;
}

Deno.test("loadMultiboot() loads an ELF-32 kernel at physical addresses", () => {
  const { bytes, start, word } = load(multibootElf(CODE));
  strictEqual(word(MIB), 0x1badb002);
  strictEqual(start.entry, MIB + 12); // its virtual entry, translated
  deepStrictEqual(bytes.slice(start.entry, start.entry + 5), Uint8Array.of(...CODE, 0));
});

Deno.test("loadMultiboot() loads a flat kernel where its header says", () => {
  const { bytes, start, word } = load(multibootFlat(CODE));
  strictEqual(word(2 * MIB), 0x1badb002);
  strictEqual(start.entry, 2 * MIB + 32);
  deepStrictEqual(bytes.slice(start.entry, start.entry + 4), CODE);
  const wholeFile = changed(multibootFlat(CODE), { [16 + 20]: 0, [16 + 24]: 0 });
  const whole = load(wholeFile);
  deepStrictEqual(whole.bytes.slice(2 * MIB + 32, 2 * MIB + 36), CODE);
});

Deno.test("loadMultiboot() writes the information that ebx points at", () => {
  const content = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
  const { bytes, start, word, textAt } = load(multibootElf(CODE), {
    cmdline: "x y",
    initrd: { name: "RD", bytes: content },
  });
  const at = start.info, top = hypercallPages(SIZE, 1);
  strictEqual(word(at), 1 | 4 | 8 | 0x40 | 0x200);
  deepStrictEqual([word(at + 4), word(at + 8)], [640, (top - MIB) / 1024]);
  strictEqual(textAt(word(at + 16)), "IMAGE x y");
  strictEqual(word(at + 20), 1);
  const [from, to] = [word(word(at + 24)), word(word(at + 24) + 4)];
  strictEqual(from, Math.floor((top - 5000) / 4096) * 4096);
  deepStrictEqual(bytes.slice(from, to), content);
  const map = [];
  for (let entry = word(at + 48); entry < word(at + 48) + word(at + 44); entry += 4 + word(entry)) {
    map.push({
      address: word(entry + 4) + word(entry + 8) * 2 ** 32,
      bytes: word(entry + 12) + word(entry + 16) * 2 ** 32,
      type: word(entry + 20),
    });
  }
  deepStrictEqual(map, memoryMap(SIZE, 1));
  strictEqual(textAt(word(at + 64)), "SplitX");
});

Deno.test("loadMultiboot() without an initrd gives no module", () => {
  const { start, word } = load(multibootElf(CODE));
  strictEqual(word(start.info) & 8, 0);
  strictEqual(word(start.info + 20), 0);
});

Deno.test("isMultiboot() wants a header with a right sum at a multiple of 4 in the first 8 KiB", () => {
  const header = multibootElf(CODE).slice(128, 140);
  const fileWith = (at: number) => {
    const file = new Uint8Array(16384);
    file.set(header, at);
    return file;
  };
  for (const at of [0, 4, 8192 - 12]) ok(isMultiboot(fileWith(at)), `${at}`);
  for (const at of [2, 8192 - 8, 8192]) ok(!isMultiboot(fileWith(at)), `${at}`);
  ok(!isMultiboot(changed(fileWith(0), { 8: 1 })));
  ok(!isMultiboot(new Uint8Array(11)));
});

Deno.test("loadMultiboot() refuses kernels that it cannot load", () => {
  const flat = multibootFlat(CODE), elf = multibootElf(CODE);
  const at = 16;
  refuses(multibootElf(CODE, 7), "image-not-bootable", /features that are not there \(0x4\)/);
  refuses(changed(elf, { 4: 0x01010102 }), "image-not-bootable", /neither a 32-bit ELF file/);
  refuses(elf.subarray(0, elf.length - 1), "image-truncated", /is truncated$/);
  refuses(flat.subarray(0, flat.length - 1), "image-truncated", /is truncated$/);
  refuses(flat.subarray(0, 40), "image-truncated", /is truncated$/);
  const fit = /addresses do not fit together/;
  refuses(changed(flat, { [at + 12]: 2 * MIB - 4 }), "image-not-bootable", fit);
  refuses(changed(flat, { [at + 16]: 2 * MIB - 100 }), "image-not-bootable", fit);
  refuses(changed(flat, { [at + 20]: 2 * MIB - 100 }), "image-not-bootable", fit);
  refuses(changed(flat, { [at + 24]: 0xf0000000 }), "image-too-large", /needs \d+ bytes/);
  refuses(changed(flat, { [at + 28]: 0 }), "image-bad-entry", /entry at 0x0/);
  refuses(changed(elf, { 64: 0x9f000 }), "image-outside-memory", /segment at 0x9f000/);
  const initrd = { name: "RD", bytes: new Uint8Array(SIZE) };
  refuses(elf, "initrd-too-large", /^initrd RD has/, { initrd });
  refuses(elf, "cmdline-too-long", /at most 4095/, { cmdline: "x".repeat(4095) });
});
