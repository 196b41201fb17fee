/** Numbers of the virtio block device, and its configuration space. Source: virtio 1.2, 5.2. */
import type { Disk } from "../../../hypercalls/block.ts";
import { Registers } from "../registers.ts";
import { MOST_ENTRIES } from "./virtqueue.ts";

/** Bytes of a sector, whatever the block size is (5.2.4). */
export const SECTOR = 512;

/** Feature bits (5.2.3). */
export const FEATURE = {
  segMax: 1 << 2,
  readOnly: 1 << 5,
  blockSize: 1 << 6,
  flush: 1 << 9,
  topology: 1 << 10,
  multiQueue: 1 << 12,
  discard: 1 << 13,
  writeZeroes: 1 << 14,
} as const;

/** Types of requests (5.2.6). */
export const REQUEST = {
  in: 0,
  out: 1,
  flush: 4,
  getId: 8,
  discard: 11,
  writeZeroes: 13,
} as const;

/** Statuses of requests (5.2.6). */
export const STATUS = { ok: 0, ioError: 1, unsupported: 2 } as const;

/** Ranges of one discard or write-zeroes request, at most. */
export const MOST_RANGES = 8;
/** Sectors of one range, at most: 32 MiB, so that none holds the hypervisor core for long. */
export const MOST_RANGE_SECTORS = 1 << 16;

/** The blocks that the host's file systems write, as a power of two of sectors. */
const PHYSICAL_BLOCK_EXPONENT = 3;

/** Fields of the configuration space (5.2.4). */
const CAPACITY = 0,
  SEG_MAX = 12,
  BLOCK_SIZE = 20,
  PHYSICAL_EXPONENT = 24,
  MIN_IO_BLOCKS = 26,
  NUM_QUEUES = 34,
  MAX_DISCARD_SECTORS = 36,
  MAX_DISCARD_SEG = 40,
  DISCARD_ALIGNMENT = 44,
  MAX_ZEROES_SECTORS = 48,
  MAX_ZEROES_SEG = 52,
  ZEROES_MAY_UNMAP = 56,
  CONFIG_BYTES = 60;

/** The features of a disk; one that is read-only takes nothing that writes. */
export function blockFeatures(disk: Disk): number {
  const { segMax, readOnly, blockSize, flush, topology, multiQueue } = FEATURE;
  return segMax | blockSize | flush | topology | multiQueue |
    (disk.writable ? FEATURE.discard | FEATURE.writeZeroes : readOnly);
}

/**
 * The configuration space of a disk. Blocks are sectors, since partition tables count in them; that
 * the host prefers larger ones is told by the topology.
 */
export function blockConfig(sectors: number, queues: number): Registers {
  const config = new Registers(CONFIG_BYTES);
  config.set(CAPACITY, 4, sectors | 0);
  config.set(CAPACITY + 4, 4, Math.floor(sectors / 2 ** 32));
  config.set(SEG_MAX, 4, MOST_ENTRIES - 2);
  config.set(BLOCK_SIZE, 4, SECTOR);
  config.set(PHYSICAL_EXPONENT, 1, PHYSICAL_BLOCK_EXPONENT);
  config.set(MIN_IO_BLOCKS, 2, 1 << PHYSICAL_BLOCK_EXPONENT);
  config.set(NUM_QUEUES, 2, queues);
  config.set(MAX_DISCARD_SECTORS, 4, MOST_RANGE_SECTORS);
  config.set(MAX_DISCARD_SEG, 4, MOST_RANGES);
  config.set(DISCARD_ALIGNMENT, 4, 1 << PHYSICAL_BLOCK_EXPONENT);
  config.set(MAX_ZEROES_SECTORS, 4, MOST_RANGE_SECTORS);
  config.set(MAX_ZEROES_SEG, 4, MOST_RANGES);
  config.set(ZEROES_MAY_UNMAP, 1, 1);
  return config;
}
