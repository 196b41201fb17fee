/** The lab's file system for one run: what stays the same, then the checkout and the command. */
import { cpioArchive } from "../build/cpio.ts";
import type { DebianKernel } from "../build/debian_kernel.ts";
import type { Progress } from "../build/stub.ts";
import { CHECKOUT, checkoutEntries, givenEntry } from "./checkout.ts";
import { buildLabInitramfs } from "./initramfs.ts";

const INIT = new URL("init", import.meta.url);

/** A word as a shell reads it back. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Writes two archives, one behind the other.
 *
 * @param path of the file to write
 * @param words the command to run in the checkout, and its arguments
 * @param files paths of further files, which keep them
 * @param endWord what `lab/init` prints behind the command's own output
 */
export async function writeLabInitrd(
  path: string,
  kernel: DebianKernel,
  words: readonly string[],
  files: readonly string[],
  endWord: string,
  progress: Progress,
): Promise<void> {
  const given = files.map(givenEntry);
  const base = await buildLabInitramfs(kernel, progress);
  const checkout = await checkoutEntries(progress);
  const command = [
    `LAB_FOLDER=${quoted(CHECKOUT)}`,
    `LAB_END=${quoted(endWord)}`,
    `set -- ${words.map(quoted).join(" ")}`,
  ].join("\n");
  const second = cpioArchive([
    { path: "init", bytes: Deno.readFileSync(INIT), executable: true },
    { path: "lab/command", bytes: new TextEncoder().encode(command) },
    ...checkout,
    ...given,
  ]);
  Deno.copyFileSync(base, path);
  Deno.writeFileSync(path, second, { append: true });
}
