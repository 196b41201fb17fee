/** Opens the file behind a machine's disk. */
import { usageError } from "../errors.ts";
import { check, type Stub, StubError } from "../cores/stub.ts";
import type { Disk } from "../hypercalls/block.ts";

/** Linux errno of what a user can mend, in words. */
const WORDS = new Map([
  [1, "may not be opened"],
  [2, "does not exist"],
  [13, "may not be opened"],
  [20, "is below something that is no folder"],
  [21, "is a folder"],
  [22, "is not a regular file"],
  [30, "is on a read-only file system"],
  [40, "is a loop of links"],
]);

/**
 * Opens a disk.
 *
 * @throws SplitXError `disk-unusable` with the reason
 */
export function openDisk(stub: Stub, path: string, writable: boolean): Disk {
  const name = new TextEncoder().encode(`${path}\0`);
  if (name.indexOf(0) !== name.length - 1) {
    throw usageError("disk-unusable", "the disk's path holds a zero character");
  }
  let file: number;
  try {
    file = check(stub, stub.sx_file_open(name, name.length, writable ? 1 : 0));
  } catch (error) {
    if (!(error instanceof StubError)) throw error;
    const why = WORDS.get(error.errno) ?? `cannot be opened (${error.message})`;
    throw usageError("disk-unusable", `disk ${path} ${why}`);
  }
  return { file, writable, bytes: stub.sx_file_size(file) };
}
