import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { HYPERCALL_PAGE_BYTES } from "../../cores/abi.ts";
import { GuestMemory } from "../../cores/guest_memory.ts";
import { SplitXError } from "../../errors.ts";
import type { BootOptions } from "./boot_options.ts";
import { COMMAND_LINE_BYTES } from "./command_line.ts";
import type { PvhImage } from "./elf.ts";
import { hypercallPages } from "./memory_map.ts";
import { loadPvh } from "./pvh.ts";

const MIB = 1024 ** 2;
const SIZE = 4 * MIB;

/** A view by address does not keep an array alive; this does. */
const kept: Uint8Array[] = [];

/** Fresh memory and the bytes that it lies in. */
function freshMemory(): { bytes: Uint8Array<ArrayBuffer>; memory: GuestMemory } {
  const bytes = new Uint8Array(SIZE);
  kept.push(bytes);
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
  return { bytes, memory: new GuestMemory(address, SIZE) };
}

function segment(address: number, memoryBytes: number, content: number[] = [1, 2, 3]) {
  return { address, bytes: Uint8Array.from(content), memoryBytes };
}

function imageOf(...segments: PvhImage["segments"]): PvhImage {
  return { entry: MIB, segments };
}

const SMALL = imageOf(segment(MIB, 4096));

function refuses(image: PvhImage, code: string, given: Partial<BootOptions> = {}): void {
  const options = { cmdline: "", vcpus: 1, ...given };
  const { bytes, memory } = freshMemory();
  throws(() => loadPvh(memory, image, "IMAGE", options), (error: unknown) => {
    ok(error instanceof SplitXError);
    strictEqual(error.code, code);
    strictEqual(error.exitCode, 2);
    ok(!error.message.includes("\n"));
    return true;
  });
  ok(bytes.every((byte) => byte === 0));
}

Deno.test("loadPvh() puts each segment at its address", () => {
  const { bytes, memory } = freshMemory();
  const image = imageOf(segment(MIB, 4096), segment(2 * MIB, 3, [4, 5, 6]));
  loadPvh(memory, image, "IMAGE", { cmdline: "", vcpus: 1 });
  deepStrictEqual(bytes.slice(MIB, MIB + 5), Uint8Array.of(1, 2, 3, 0, 0));
  deepStrictEqual(bytes.slice(2 * MIB, 2 * MIB + 4), Uint8Array.of(4, 5, 6, 0));
});

/** What an entry finds; offsets of struct hvm_start_info and its memory map, Xen's start_info.h. */
function bootInformation(cmdline: string, vcpus: number, more: Partial<BootOptions> = {}) {
  const { bytes, memory } = freshMemory();
  const at = loadPvh(memory, SMALL, "IMAGE", { cmdline, vcpus, ...more });
  const view = new DataView(bytes.buffer);
  const long = (at: number) => Number(view.getBigUint64(at, true));
  const map = long(at + 40), line = long(at + 24);
  return {
    magic: view.getUint32(at, true),
    version: view.getUint32(at + 4, true),
    rsdp: long(at + 32),
    modules: Array.from({ length: view.getUint32(at + 12, true) }, (_, i) => {
      const module = long(at + 16) + 32 * i, address = long(module);
      return { address, content: bytes.slice(address, address + long(module + 8)) };
    }),
    commandLine: new TextDecoder().decode(bytes.subarray(line, bytes.indexOf(0, line))),
    memoryMap: Array.from({ length: view.getUint32(at + 48, true) }, (_, i) => ({
      address: long(map + 24 * i),
      size: long(map + 24 * i + 8),
      type: view.getUint32(map + 24 * i + 16, true),
    })),
  };
}

Deno.test("loadPvh() writes what a PVH entry expects to find", () => {
  const found = bootInformation("console=ü root=/dev/x", 1);
  strictEqual(found.magic, 0x336ec578);
  strictEqual(found.version, 1);
  deepStrictEqual(found.modules, []);
  strictEqual(found.rsdp, 0);
  strictEqual(found.commandLine, "console=ü root=/dev/x");
});

Deno.test("loadPvh() maps memory and reserves the hypercall pages at its top", () => {
  const RAM = 1, RESERVED = 2;
  for (const vcpus of [1, 8]) {
    const top = hypercallPages(SIZE, vcpus);
    strictEqual(SIZE - top, vcpus * HYPERCALL_PAGE_BYTES);
    deepStrictEqual(bootInformation("", vcpus).memoryMap, [
      { address: 0, size: 0xa0000, type: RAM },
      { address: 0xa0000, size: MIB - 0xa0000, type: RESERVED },
      { address: MIB, size: top - MIB, type: RAM },
      { address: top, size: SIZE - top, type: RESERVED },
    ]);
  }
});

Deno.test("loadPvh() refuses an image that is larger than memory", () => {
  refuses(imageOf(segment(MIB, SIZE)), "image-too-large");
  refuses(imageOf(segment(MIB, 2 * MIB), segment(3 * MIB, 2 * MIB)), "image-too-large");
  refuses(imageOf(segment(MIB, Number.MAX_SAFE_INTEGER)), "image-too-large");
});

Deno.test("loadPvh() refuses a segment outside memory", () => {
  const top = hypercallPages(SIZE, 1);
  refuses(imageOf(segment(MIB - 1, 4096)), "image-outside-memory");
  refuses(imageOf(segment(MIB, 4096), segment(0, 4096)), "image-outside-memory");
  refuses(imageOf(segment(top - 4095, 4096)), "image-outside-memory");
  refuses(imageOf(segment(Number.MAX_SAFE_INTEGER, 4096)), "image-outside-memory");
  const last = { ...imageOf(segment(top - 4096, 4096)), entry: top - 1 };
  loadPvh(freshMemory().memory, last, "IMAGE", { cmdline: "", vcpus: 1 });
});

Deno.test("loadPvh() refuses a command line that does not fit or holds a zero", () => {
  refuses(SMALL, "cmdline-too-long", { cmdline: "x".repeat(COMMAND_LINE_BYTES) });
  refuses(SMALL, "cmdline-too-long", { cmdline: "ü".repeat(COMMAND_LINE_BYTES / 2) });
  refuses(SMALL, "cmdline-bad", { cmdline: "a\0b" });
  const longest = "x".repeat(COMMAND_LINE_BYTES - 1);
  strictEqual(bootInformation(longest, 1).commandLine, longest);
});

Deno.test("loadPvh() refuses an entry that lies in no segment", () => {
  for (const entry of [0, MIB - 1, MIB + 4096, 2 * MIB]) {
    refuses({ ...SMALL, entry }, "image-bad-entry");
  }
});

Deno.test("loadPvh() hands over an initrd as a module at the top of memory, and the RSDP", () => {
  const content = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
  const found = bootInformation("", 2, { initrd: { name: "RD", bytes: content }, rsdp: 0xe0000 });
  const address = Math.floor((hypercallPages(SIZE, 2) - 5000) / 4096) * 4096;
  deepStrictEqual(found.modules, [{ address, content }]);
  strictEqual(found.rsdp, 0xe0000);
});

Deno.test("loadPvh() refuses an initrd that is empty or does not fit beside the image", () => {
  const initrd = (size: number) => ({ initrd: { name: "RD", bytes: new Uint8Array(size) } });
  refuses(SMALL, "initrd-empty", initrd(0));
  const room = hypercallPages(SIZE, 1) - MIB - 4096;
  refuses(SMALL, "initrd-too-large", initrd(room + 1));
  strictEqual(bootInformation("", 1, initrd(room)).modules[0]!.address, MIB + 4096);
});
