/** Finds and reads the files that a configuration boots from. */
import { join } from "node:path";
import { exists } from "../build/cache.ts";
import type { Stub } from "../cores/stub.ts";
import { usageError } from "../errors.ts";
import type { VmConfig } from "./config.ts";
import { freeBytes } from "./free_bytes.ts";

/** A file and its name for messages. */
export interface NamedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a machine boots from; disposal frees what was read for it. */
export interface GuestFiles extends Disposable {
  readonly image: NamedFile;
  readonly initrd?: NamedFile;
}

/**
 * Reads the image and the initrd of a machine.
 *
 * @param folder where the bundled guests are
 * @throws SplitXError `image-missing`, `image-unreadable`, `initrd-missing`, `initrd-unreadable`
 */
export function readGuestFiles(stub: Stub, config: VmConfig, folder: string): GuestFiles {
  const image = readImage(stub, config.guest, folder);
  const given = config.initrd;
  const read = typeof given === "string"
    ? readFile(stub, given, "initrd", () => `initrd ${given} does not exist`)
    : undefined;
  const initrd = read ??
    (given instanceof Uint8Array ? { name: "in memory", bytes: given } : undefined);
  return {
    image,
    ...(initrd ? { initrd } : {}),
    [Symbol.dispose]: () => {
      freeBytes(image.bytes);
      if (read) freeBytes(read.bytes);
    },
  };
}

/** Names of the guests in a folder of bundled ones, sorted. */
export function bundledGuests(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name.replace(/\.elf$/, "")).sort();
}

/** @param guest name of a bundled guest, or a path */
function readImage(stub: Stub, guest: string, folder: string): NamedFile {
  const bundled = join(folder, `${guest}.elf`);
  const path = !guest.includes("/") && exists(bundled) ? bundled : guest;
  return readFile(stub, path, "image", () => {
    const names = bundledGuests(folder).join(", ");
    return `guest ${guest} is neither a bundled guest (${names}) nor a file`;
  });
}

function readFile(
  stub: Stub,
  path: string,
  what: "image" | "initrd",
  missing: () => string,
): NamedFile {
  try {
    return { name: path, bytes: readAll(stub, path) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw usageError(`${what}-missing`, missing());
    const why = error instanceof Deno.errors.IsADirectory || isFolder(path)
      ? "is a folder"
      : "cannot be read";
    const kind = what === "image" ? "guest image" : "initrd";
    throw usageError(`${what}-unreadable`, `${kind} ${path} ${why}`);
  }
}

/**
 * At once, into an array of its size, in large pages: with a kernel's size the host spends more time
 * on finding pages for an array than on reading into it.
 */
function readAll(stub: Stub, path: string): Uint8Array {
  using file = Deno.openSync(path);
  const { isFile, size } = file.statSync();
  // What has no size may have bytes all the same: a pipe, a file of the kernel's.
  if (!isFile || size === 0) return Deno.readFileSync(path);
  const bytes = new Uint8Array(size);
  // Where the host has none to give it is only slower.
  if (size < 2 ** 32) stub.sx_large_pages(bytes, size);
  let length = 0;
  while (length < size) {
    const read = file.readSync(bytes.subarray(length));
    if (read === null) break;
    length += read;
  }
  return bytes.subarray(0, length);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
