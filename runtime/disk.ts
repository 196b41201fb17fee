/** Opens the file behind a machine's disk. */
import { usageError } from "../errors.ts";
import { check, type Stub, StubError } from "../cores/stub.ts";
import type { Disk } from "../hypercalls/block.ts";
import type { VmConfig } from "./config.ts";
import type { BlockOptions } from "./devices/virtio/block.ts";

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

/** The disks of a machine. */
export interface Disks {
  /** What the block service serves; it is the first of {@link virtio} too. */
  readonly service: Disk | null;
  readonly virtio: readonly BlockOptions[];
}

/**
 * Opens the disks of a machine.
 *
 * @param opened told of each, so that it can be closed whatever happens
 * @throws SplitXError `disk-unusable` with the reason; `bad-config` when two have one serial number
 */
export function openDisks(stub: Stub, config: VmConfig, opened: (disk: Disk) => void): Disks {
  const open = (path: string, writable: boolean) => {
    const disk = openDisk(stub, path, writable);
    opened(disk);
    return disk;
  };
  const service = config.disk === undefined ? null : open(config.disk, config.writable);
  const virtio: BlockOptions[] = [];
  const add = (disk: Disk, serial = `splitx-${virtio.length}`, queues = 1) => {
    if (virtio.some((other) => other.serial === serial)) {
      throw usageError("bad-config", `two disks have the serial number ${serial}`);
    }
    virtio.push({ disk, serial, queues });
  };
  if (service) add(service);
  for (const { file, writable, serial, queues } of config.disks) {
    add(open(file, writable), serial, queues);
  }
  return { service, virtio };
}

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
