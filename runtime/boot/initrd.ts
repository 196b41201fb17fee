/** Where an initial RAM disk goes. */
import { usageError } from "../../errors.ts";
import type { Initrd } from "./boot_options.ts";

const PAGE = 4096;

/**
 * The highest page at which the file ends below `ceiling`.
 *
 * @param floor where the kernel ends
 * @throws SplitXError `initrd-empty`, `initrd-too-large`
 */
export function placeInitrd({ name, bytes }: Initrd, floor: number, ceiling: number): number {
  if (bytes.length === 0) throw usageError("initrd-empty", `initrd ${name} is empty`);
  const address = Math.floor((ceiling - bytes.length) / PAGE) * PAGE;
  if (address < floor) {
    throw usageError(
      "initrd-too-large",
      `initrd ${name} has ${bytes.length} bytes, more than the ${
        Math.max(0, ceiling - floor)
      } bytes of guest memory that the kernel leaves below 0x${ceiling.toString(16)}`,
    );
  }
  return address;
}
