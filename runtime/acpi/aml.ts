/** As much of the ACPI machine language as a table without methods takes (ACPI 6.5, 20.2). */
import { ascii, littleEndian } from "./little_endian.ts";

/** A piece of the language: a term or an object. */
export type Aml = readonly number[];

const ZERO = 0x00, ONE = 0x01;
const NAME = 0x08;
/** Prefixes of an integer by its bytes. */
const INTEGER_PREFIXES = [[1, 0x0a], [2, 0x0b], [4, 0x0c], [8, 0x0e]] as const;
const SCOPE = 0x10;
const BUFFER = 0x11;
const PACKAGE = 0x12;
const EXTENDED = 0x5b, DEVICE = 0x82;

/** A length in one byte has six bits; in more, the first has four. */
const SHORT_LENGTH = 1 << 6, LONG_FIRST_BITS = 4;

/** A name of at most four characters, filled up (20.2.2). */
function nameSegment(name: string): Aml {
  return ascii(name, 4, "_");
}

/** A content with its length before it, which counts itself (20.2.4). */
function measured(content: Aml): Aml {
  if (content.length + 1 < SHORT_LENGTH) return [content.length + 1, ...content];
  let more = 1;
  while (content.length + 1 + more >= 2 ** (LONG_FIRST_BITS + 8 * more)) more++;
  const length = content.length + 1 + more;
  return [more << 6 | length & 0x0f, ...littleEndian(Math.floor(length / 16), more), ...content];
}

/** An integer, as short as it can be. */
export function integer(value: number): Aml {
  if (value === 0) return [ZERO];
  if (value === 1) return [ONE];
  const [bytes, prefix] = INTEGER_PREFIXES.find(([bytes]) => value < 2 ** (8 * bytes))!;
  return [prefix, ...littleEndian(value, bytes)];
}

/** A list of bytes. */
export function buffer(bytes: readonly number[]): Aml {
  return [BUFFER, ...measured([...integer(bytes.length), ...bytes])];
}

/** A list of objects, at most 255. */
export function packageOf(...elements: readonly Aml[]): Aml {
  return [PACKAGE, ...measured([elements.length, ...elements.flat()])];
}

/** An object with a name. */
export function named(name: string, object: Aml): Aml {
  return [NAME, ...nameSegment(name), ...object];
}

/** Terms below a name that exists already. */
export function scope(name: string, ...terms: readonly Aml[]): Aml {
  return [SCOPE, ...measured([...nameSegment(name), ...terms.flat()])];
}

/** A device and what is in it. */
export function device(name: string, ...terms: readonly Aml[]): Aml {
  return [EXTENDED, DEVICE, ...measured([...nameSegment(name), ...terms.flat()])];
}

/**
 * A number that identifies a kind of device (6.1.5): three letters of five bits and four
 * hexadecimal digits, the highest byte first.
 *
 * @param id as in `PNP0A08`
 */
export function eisaId(id: string): Aml {
  const letters = [...id.slice(0, 3)].reduce(
    (bits, letter) => bits << 5 | letter.charCodeAt(0) & 0x1f,
    0,
  );
  const digits = Number.parseInt(id.slice(3), 16);
  return [0x0c, letters >>> 8, letters & 0xff, digits >>> 8, digits & 0xff];
}
