/** The folders whose files machines may be made of: what the API may name of the host's files. */
import { basename, dirname, join, normalize, resolve } from "node:path";
import { Problem } from "./problem.ts";

/** A file that a machine may be made of. */
export interface ImageFile {
  readonly path: string;
  readonly bytes: number;
}

/** Files that a listing shows. */
const MOST_FILES = 1000;

/** See the head of this file. */
export class ImageFolders {
  readonly #folders: readonly string[];

  /** @param folders those that are not there hold nothing */
  constructor(folders: readonly string[]) {
    this.#folders = folders.flatMap((folder) => realPath(folder) ?? []);
  }

  /** The folders, without links. */
  get folders(): readonly string[] {
    return this.#folders;
  }

  /**
   * The file that a request names.
   *
   * @param path absolute, or within one of the folders
   * @returns its path without links
   * @throws Problem `path-not-allowed` or `file-missing`
   */
  file(path: string): string {
    const inside = this.#candidates(path);
    for (const candidate of inside) {
      const real = realPath(candidate);
      if (real === undefined) continue;
      if (!this.#holds(real)) throw notAllowed(path);
      return real;
    }
    throw new Problem(422, "file-missing", `${JSON.stringify(path)} is in no image folder`);
  }

  /**
   * A place where something may be made.
   *
   * @throws Problem `path-not-allowed` or `file-missing`
   */
  place(path: string): string {
    return join(this.file(dirname(path)), basename(path));
  }

  /** The files in the folders, by path; those in folders of theirs are not shown. */
  list(): ImageFile[] {
    const files: ImageFile[] = [];
    for (const folder of this.#folders) {
      for (const entry of Deno.readDirSync(folder)) {
        if (!entry.isFile || entry.name.startsWith(".")) continue;
        const path = join(folder, entry.name);
        if (files.length < MOST_FILES) files.push({ path, bytes: Deno.statSync(path).size });
      }
    }
    return files.sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /** Where the path may lead, by its text alone. */
  #candidates(path: string): string[] {
    const inside = this.#folders.map((folder) => resolve(folder, normalize(path)))
      .filter((candidate) => this.#holds(candidate));
    if (inside.length === 0 || path.includes("\0")) throw notAllowed(path);
    return inside;
  }

  #holds(path: string): boolean {
    return this.#folders.some((folder) => path === folder || path.startsWith(`${folder}/`));
  }
}

function notAllowed(path: string): Problem {
  const detail = `${JSON.stringify(path)} is outside the image folders (run --images FOLDER)`;
  return new Problem(403, "path-not-allowed", detail);
}

function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}
