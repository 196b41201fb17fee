/**
 * Archives that Linux unpacks as its first root file system: cpio in the "newc" format
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Several may stand one behind the
 * other; what a later one holds replaces what an earlier one held.
 */

/** A file; with a `target` a symbolic link; with neither a folder. */
export type ArchiveEntry =
  | { readonly path: string; readonly bytes: Uint8Array; readonly executable?: boolean }
  | { readonly path: string; readonly target: string }
  | { readonly path: string };

const MAGIC = "070701";
const FOLDER = 0o040755;
const PROGRAM = 0o100755;
const FILE = 0o100644;
const LINK = 0o120777;
const TRAILER = "TRAILER!!!";

const encoder = new TextEncoder();

/** The next multiple of four: names and contents are padded to it. */
function padded(size: number): number {
  return size + 3 & ~3;
}

/** Header and name of one member. */
function head(inode: number, mode: number, name: string, size: number): Uint8Array {
  const bytes = encoder.encode(`${name}\0`);
  // inode mode uid gid nlink mtime size, device and special device (major, minor), name, checksum
  const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, bytes.length, 0];
  const text = MAGIC + fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  const made = new Uint8Array(padded(text.length + bytes.length));
  made.set(encoder.encode(text));
  made.set(bytes, text.length);
  return made;
}

/** The folders above a path, from the top. */
function foldersOf(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("/"));
}

/**
 * Writes an archive. Folders are made as the paths need them; everything belongs to root and has no
 * date, so that equal contents give equal bytes.
 *
 * @param entries paths without a leading slash
 * @returns a multiple of four bytes long, so that another archive may follow
 */
export function cpioArchive(entries: readonly ArchiveEntry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const folders = new Set<string>();
  let inode = 0;
  const add = (name: string, mode: number, contents: Uint8Array) => {
    parts.push(head(++inode, mode, name, contents.length), contents);
    const padding = padded(contents.length) - contents.length;
    if (padding > 0) parts.push(new Uint8Array(padding));
  };
  const addFolder = (folder: string) => {
    if (!folders.has(folder)) add(folder, FOLDER, new Uint8Array());
    folders.add(folder);
  };
  for (const entry of entries) {
    foldersOf(entry.path).forEach(addFolder);
    if ("target" in entry) add(entry.path, LINK, encoder.encode(entry.target));
    else if ("bytes" in entry) add(entry.path, entry.executable ? PROGRAM : FILE, entry.bytes);
    else addFolder(entry.path);
  }
  parts.push(head(0, 0, TRAILER, 0));
  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}
