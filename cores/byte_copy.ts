/**
 * Copies between two areas of memory without allocating: `TypedArray.set` of a part needs a new view
 * of it.
 */

/** Memory seen as bytes and as words; it begins at a word and holds whole ones. */
export interface ByteArea {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

/**
 * Memory of our own.
 *
 * @param length in bytes, a multiple of 4
 */
export function byteArea(length: number): ByteArea {
  const buffer = new ArrayBuffer(length);
  return { bytes: new Uint8Array(buffer), words: new Int32Array(buffer) };
}

/**
 * Copies `length` bytes, word by word wherever the two sides lie in their words. Both ranges are
 * inside their areas and share no memory.
 */
export function copyBytes(
  from: ByteArea,
  fromAt: number,
  to: ByteArea,
  toAt: number,
  length: number,
): void {
  const source = from.bytes, target = to.bytes;
  let at = fromAt, out = toAt;
  const end = fromAt + length;
  while (at < end && (out & 3) !== 0) target[out++] = source[at++]!;
  const count = end - at >> 2;
  copyWords(from.words, at, to.words, out >> 2, count);
  at += 4 * count;
  out += 4 * count;
  while (at < end) target[out++] = source[at++]!;
}

/** @param at in bytes, @param to in words */
function copyWords(source: Int32Array, at: number, target: Int32Array, to: number, count: number) {
  const shift = 8 * (at & 3);
  let index = at >> 2;
  if (shift === 0) {
    for (let i = 0; i < count; i++) target[to + i] = source[index + i]!;
    return;
  }
  if (count === 0) return;
  // Every target word is the end of one source word and the beginning of the next.
  let low = source[index]!;
  for (let i = 0; i < count; i++) {
    const high = source[++index]!;
    target[to + i] = low >>> shift | high << 32 - shift;
    low = high;
  }
}
