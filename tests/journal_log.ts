/** The log of `guests/journal.c`, as the host reads it. */

const SECTOR = 512, MOST_SECTORS = 16;
/** Words of a record's head: the log's name, the sequence number, both with the low half first. */
const NAME_LO = 0, NAME_HI = 1, SEQUENCE_LO = 2, SEQUENCE_HI = 3, SECTORS = 4, CHECKSUM = 5;
const LOG_NAME = [0x756f6a00, 0x6c616e72];

/** FNV-1a over the words of a record, with 0 in its checksum's place. */
function checksumOf(record: Int32Array): number {
  let sum = 0x811c9dc5 | 0;
  for (let i = 0; i < record.length; i++) {
    sum = Math.imul(sum ^ (i === CHECKSUM ? 0 : record[i]!), 0x01000193);
  }
  return sum;
}

/** The number of the last record up to which all are whole and in order; 0 when there is none. */
export function lastRecord(disk: Uint8Array<ArrayBuffer>): number {
  const words = new Int32Array(disk.buffer, disk.byteOffset, disk.byteLength / 4);
  let last = 0, at = 0;
  while (at < words.length) {
    const sectors = words[at + SECTORS]!;
    if (words[at + NAME_LO] !== LOG_NAME[0] || words[at + NAME_HI] !== LOG_NAME[1]) break;
    if (words[at + SEQUENCE_LO] !== last + 1 || words[at + SEQUENCE_HI] !== 0) break;
    if (sectors < 1 || sectors > MOST_SECTORS) break;
    const record = words.subarray(at, at + sectors * SECTOR / 4);
    if (checksumOf(record) !== record[CHECKSUM]) break;
    last++;
    at += record.length;
  }
  return last;
}

/** The highest record that the guest was told is durable; 0 when there is none. */
export function durableRecord(output: string): number {
  return Math.max(0, ...[...output.matchAll(/^durable (\d+)$/gm)].map((found) => Number(found[1])));
}
