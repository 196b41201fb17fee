import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { SplitXError } from "../../errors.ts";
import type { BootOptions } from "./boot_options.ts";
import { isBzImage, loadBzImage, readBzImage } from "./bzimage.ts";
import { hypercallPages, memoryMap } from "./memory_map.ts";
import { bzImage, guardedMemory } from "./synthetic_images.ts";

const MIB = 1024 ** 2;
const SIZE = 8 * MIB;
const CODE = Uint8Array.of(1, 2, 3, 4);
const OPTIONS: BootOptions = { cmdline: "a=b", vcpus: 1 };

function refused(code: string, words: RegExp) {
  return (error: unknown) => {
    ok(error instanceof SplitXError, String(error));
    strictEqual(error.code, code);
    strictEqual(error.exitCode, 2);
    ok(words.test(error.message), error.message);
    return true;
  };
}

function load(file: Uint8Array, options: Partial<BootOptions> = {}) {
  const { bytes, memory, untouched } = guardedMemory(SIZE);
  const image = readBzImage(file, "IMAGE");
  const start = loadBzImage(memory, image, "IMAGE", { ...OPTIONS, ...options });
  ok(untouched());
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), start };
}

Deno.test("loadBzImage() puts the code at 1 MiB and enters it at 0x200", () => {
  const { bytes, start } = load(bzImage({ code: CODE }));
  strictEqual(start.entry, MIB + 0x200);
  deepStrictEqual(bytes.slice(start.entry, start.entry + 4), CODE);
});

Deno.test("loadBzImage() fills the zero page", () => {
  const file = bzImage({ code: CODE });
  const content = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
  const { bytes, view, start } = load(file, {
    initrd: { name: "RD", bytes: content },
    rsdp: 0xe0000,
    cmdline: "quiet ü",
  });
  const at = start.zeroPage;
  strictEqual(view.getUint32(at + 0x202, true), 0x53726448);
  strictEqual(view.getUint16(at + 0x206, true), 0x020f);
  strictEqual(view.getUint8(at + 0x210), 0xff);
  strictEqual(view.getUint8(at + 0x1ef), 0); // the sentinel of a loader that knows the page
  strictEqual(Number(view.getBigUint64(at + 0x70, true)), 0xe0000);
  const line = view.getUint32(at + 0x228, true);
  const words = new TextDecoder().decode(bytes.slice(line, bytes.indexOf(0, line)));
  strictEqual(words, "quiet ü");
  const initrd = view.getUint32(at + 0x218, true);
  strictEqual(initrd, Math.floor((hypercallPages(SIZE, 1) - 5000) / 4096) * 4096);
  strictEqual(view.getUint32(at + 0x21c, true), 5000);
  deepStrictEqual(bytes.slice(initrd, initrd + 5000), content);
  const map = Array.from({ length: view.getUint8(at + 0x1e8) }, (_, i) => ({
    address: Number(view.getBigUint64(at + 0x2d0 + 20 * i, true)),
    bytes: Number(view.getBigUint64(at + 0x2d8 + 20 * i, true)),
    type: view.getUint32(at + 0x2e0 + 20 * i, true),
  }));
  deepStrictEqual(map, memoryMap(SIZE, 1));
  // The setup header is the file's but for what the loader fills in.
  const ours = new Set([0x210, 0x218, 0x219, 0x21a, 0x21c, 0x21d, 0x228, 0x229, 0x22a]);
  for (let i = 0x1f1; i < 0x26c; i++) {
    if (!ours.has(i)) strictEqual(view.getUint8(at + i), file[i], `0x${i.toString(16)}`);
  }
});

Deno.test("loadBzImage() maps the first 4 GiB to themselves and writes the boot segments", () => {
  const { view, start } = load(bzImage({ code: CODE }));
  const translate = (address: number): number => {
    const entryAt = (table: number, shift: number) =>
      Number(view.getBigUint64(table + Math.floor(address / 2 ** shift) % 512 * 8, true));
    const top = entryAt(start.pageTables, 39), upper = entryAt(top - top % 4096, 30);
    const page = entryAt(upper - upper % 4096, 21);
    for (const entry of [top, upper, page]) strictEqual(entry & 3, 3); // present, writable
    strictEqual(page & 0x80, 0x80); // 2 MiB
    return page - page % 2 ** 21 + address % 2 ** 21;
  };
  for (const address of [0, 1, 2 ** 21, MIB + 0x200, 2 ** 30 + 5, 3 * 2 ** 30, 2 ** 32 - 1]) {
    strictEqual(translate(address), address);
  }
  strictEqual(view.getBigUint64(start.gdt + 0x10, true), 0x00af9b000000ffffn);
  strictEqual(view.getBigUint64(start.gdt + 0x18, true), 0x00cf93000000ffffn);
});

Deno.test("loadBzImage() keeps an initrd below the kernel's limit and above the kernel", () => {
  const file = bzImage({ code: CODE, initrdMax: 4 * MIB - 1 });
  const initrd = (size: number) => ({
    initrd: { name: "RD", bytes: new Uint8Array(size).fill(1) },
  });
  const { view, start } = load(file, initrd(4096));
  strictEqual(view.getUint32(start.zeroPage + 0x218, true), 4 * MIB - 4096);
  const end = 2 * MIB + 0x10000; // preferred address and memory that it needs
  load(file, initrd(4 * MIB - end));
  throws(
    () => load(file, initrd(4 * MIB - end + 1)),
    refused("initrd-too-large", /^initrd RD has/),
  );
  throws(() => load(file, initrd(0)), refused("initrd-empty", /^initrd RD is empty$/));
});

Deno.test("loadBzImage() refuses what memory or the kernel does not take", () => {
  const top = hypercallPages(SIZE, 1);
  load(bzImage({ code: CODE, memoryBytes: top - 2 * MIB }));
  const needs = (parts: object) => () => load(bzImage({ code: CODE, ...parts }));
  throws(needs({ memoryBytes: top - 2 * MIB + 1 }), refused("image-too-large", /8388608 bytes/));
  throws(needs({ preferredAddress: SIZE }), refused("image-too-large", /8388608 bytes/));
  const cmdline = "x".repeat(2048);
  throws(
    () => load(bzImage({ code: CODE }), { cmdline }),
    refused("cmdline-too-long", /has 2048 bytes, at most 2047/),
  );
});

Deno.test("readBzImage() refuses headers that it cannot boot", () => {
  const read = (at: number, bytes: number[]) => () => {
    const file = bzImage({ code: CODE });
    file.set(bytes, at);
    readBzImage(file, "IMAGE");
  };
  const unfit = (words: RegExp) => refused("image-not-bootable", words);
  throws(read(0x206, [0x0b, 0x02]), unfit(/protocol 2\.11, at least 2\.12/));
  throws(read(0x211, [0]), unfit(/is a zImage/));
  throws(read(0x236, [0]), unfit(/no 64-bit entry/));
  throws(read(0x1f4, [0, 0]), unfit(/holds no kernel/));
  throws(read(0x201, [0x20]), unfit(/header that is too short/));
  throws(read(0x1f5, [0xff]), refused("image-truncated", /is truncated$/));
  throws(read(0x24c, [0, 0xff]), refused("image-truncated", /is truncated$/));
});

Deno.test("readBzImage() refuses an image cut anywhere", () => {
  const file = bzImage({ code: CODE });
  for (let length = 0; length < file.length; length++) {
    const cut = file.subarray(0, length);
    strictEqual(isBzImage(cut), length >= 0x206);
    if (isBzImage(cut)) {
      throws(() => readBzImage(cut, "IMAGE"), refused("image-truncated", /^guest image IMAGE is/));
    }
  }
  ok(readBzImage(file, "IMAGE").code.length > 0);
});
