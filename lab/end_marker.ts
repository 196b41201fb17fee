/** A stream of the lab's command: its bytes, then a marker with the exit code. */

/** A marker begins with NUL, so that hardly a byte of text waits for what comes behind it. */
const NUL = 0;

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let at = bytes.indexOf(NUL); at >= 0; at = bytes.indexOf(NUL, at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

/**
 * Passes bytes on as they come, up to `\0WORD CODE\n`.
 *
 * @param word what only the lab's init knows
 * @param write receives the command's own bytes
 * @returns the exit code, or undefined when the stream ended without a marker
 */
export async function passUntilEnd(
  stream: AsyncIterable<Uint8Array>,
  word: string,
  write: (bytes: Uint8Array) => void,
): Promise<number | undefined> {
  const marker = new TextEncoder().encode(`\0${word} `);
  let held = new Uint8Array();
  for await (const bytes of stream) {
    const all = new Uint8Array(held.length + bytes.length);
    all.set(held);
    all.set(bytes, held.length);
    const end = indexOf(all, marker);
    const tail = end < 0 ? all.lastIndexOf(NUL) : end;
    // Held back: a marker, or a NUL so near the end that it may be the beginning of one.
    const split = tail >= 0 && (end >= 0 || all.length - tail < marker.length) ? tail : all.length;
    if (split > 0) write(all.subarray(0, split));
    held = all.slice(split);
    if (end < 0) continue;
    const code = /^(\d+)\n/.exec(new TextDecoder().decode(held.subarray(marker.length)))?.[1];
    if (code !== undefined) return Number(code);
  }
  if (held.length > 0) write(held);
  return undefined;
}
