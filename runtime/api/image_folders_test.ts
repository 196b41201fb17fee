import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { join } from "node:path";
import { ImageFolders } from "./image_folders.ts";

function withFolder(work: (folder: string) => void): void {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "splitx-images-" }));
  try {
    Deno.mkdirSync(join(folder, "images"));
    Deno.writeTextFileSync(join(folder, "images", "disk.img"), "disk");
    Deno.writeTextFileSync(join(folder, "secret"), "secret");
    Deno.symlinkSync(join(folder, "secret"), join(folder, "images", "link"));
    work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("file() finds what lies in a folder, by either name", () => {
  withFolder((folder) => {
    const images = new ImageFolders([join(folder, "images")]);
    const disk = join(folder, "images", "disk.img");
    strictEqual(images.file("disk.img"), disk);
    strictEqual(images.file(disk), disk);
    deepStrictEqual(images.list(), [{ path: disk, bytes: 4 }]);
    throws(() => images.file("nothing"), { code: "file-missing" });
  });
});

Deno.test("file() refuses what lies elsewhere, links and dots included", () => {
  withFolder((folder) => {
    const images = new ImageFolders([join(folder, "images")]);
    for (
      const path of [
        "../secret",
        join(folder, "secret"),
        "link",
        "/etc/passwd",
        "a/../../secret",
        join(folder, "images-of-others"),
        "disk.img\0",
      ]
    ) {
      throws(() => images.file(path), { code: "path-not-allowed" }, path);
    }
  });
});

Deno.test("place() allows new names in a folder only", () => {
  withFolder((folder) => {
    const images = new ImageFolders([join(folder, "images")]);
    strictEqual(images.place("socket"), join(folder, "images", "socket"));
    throws(() => images.place("../socket"), { code: "path-not-allowed" });
    throws(() => new ImageFolders([]).place("socket"), { code: "path-not-allowed" });
  });
});
