/**
 * An engine's own counters, in KVM's binary format: a header, descriptors that name values, and the
 * values.
 * Source: Linux, Documentation/virt/kvm/api.rst, 4.133 KVM_GET_STATS_FD.
 */

/**
 * Counters by name: KVM's by the kernel's, such as `exits` and `io_exits`, without its histograms;
 * the software processor's own, such as `instructions`.
 */
export type EngineStatistics = Readonly<Record<string, number>>;

/** Enough for the descriptors and values of any kernel until now, several times over. */
const MOST_BYTES = 65536;

/** Header: flags, bytes of a name, how many descriptors, offsets of id, descriptors and values. */
const NAME_SIZE = 4, COUNT = 8, DESCRIPTORS = 16, VALUES = 20, HEADER_BYTES = 24;
/** Descriptor: flags (u32), exponent (i16), values (u16), offset (u32), bucket size (u32), name. */
const SIZE = 6, OFFSET = 8, NAME = 16;

/**
 * Takes a statistics file apart.
 *
 * @param file as it was read from its beginning; empty where the kernel has none
 */
export function parseEngineStatistics(file: Uint8Array<ArrayBuffer>): EngineStatistics {
  if (file.length < HEADER_BYTES) return {};
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const nameBytes = view.getUint32(NAME_SIZE, true), values = view.getUint32(VALUES, true);
  const found: Record<string, number> = {};
  for (let i = 0; i < view.getUint32(COUNT, true); i++) {
    const at = view.getUint32(DESCRIPTORS, true) + i * (NAME + nameBytes);
    if (view.getUint16(at + SIZE, true) !== 1) continue;
    const name = new TextDecoder().decode(file.subarray(at + NAME, at + NAME + nameBytes));
    const value = view.getBigUint64(values + view.getUint32(at + OFFSET, true), true);
    found[name.slice(0, name.indexOf("\0"))] = Number(value);
  }
  return found;
}

/**
 * Reads counters.
 *
 * @param read `sx_vm_statistics` or `sx_vcpu_statistics` with the handle given
 * @returns nothing where the kernel has no counters
 */
export function readEngineStatistics(
  read: (out: Uint8Array<ArrayBuffer>, size: number) => number,
): EngineStatistics {
  const file = new Uint8Array(MOST_BYTES);
  return parseEngineStatistics(file.subarray(0, Math.max(0, read(file, file.length))));
}
