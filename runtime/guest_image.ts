/** Finds and reads the image that a configuration names. */
import { join } from "node:path";
import { exists } from "../build/cache.ts";
import { usageError } from "../errors.ts";
import { type PvhImage, readPvhElf } from "./boot/elf.ts";

/**
 * Reads a guest image.
 *
 * @param guest name of a bundled guest, or a path
 * @param folder where the bundled guests are
 * @throws SplitXError `image-missing`, `image-unreadable`, or those of `readPvhElf`
 */
export function readGuestImage(guest: string, folder: string): PvhImage {
  const bundled = join(folder, `${guest}.elf`);
  const path = !guest.includes("/") && exists(bundled) ? bundled : guest;
  let file: Uint8Array;
  try {
    file = Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      const names = [...Deno.readDirSync(folder)].map((entry) => entry.name.replace(/\.elf$/, ""));
      throw usageError(
        "image-missing",
        `guest ${guest} is neither a bundled guest (${names.sort().join(", ")}) nor a file`,
      );
    }
    const why = error instanceof Deno.errors.IsADirectory || isFolder(path)
      ? "is a folder"
      : "cannot be read";
    throw usageError("image-unreadable", `guest image ${path} ${why}`);
  }
  return readPvhElf(file, path);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
