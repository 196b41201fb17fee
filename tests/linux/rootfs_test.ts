/** Linux on a root file system of a user's: an ext4 image on a virtio disk of ours. */
import { match, strictEqual } from "node:assert";
import { linuxTest } from "../debian_packages.ts";
import { shell } from "./here.ts";
import { makeImage, makeRoot } from "./user_root.ts";
import { TempFile } from "../support.ts";

/** A script that may write, then the image's own init, which may not and finds what was written. */
const COMMANDS = `
run() { deno run -A cli/run.ts --once --guest linux --rootfs "$@"; echo "code $?"; }
echo 'echo "script of $(cat /etc/name)"; echo kept > /new; cat /proc/partitions; exit 9' > "$2/script"
truncate -s 1M "$2/disk"
run "$1" --writable --disk "$2/disk" --script "$2/script"
run "$1"`;

linuxTest("a Linux guest runs a script or the init of a root file system", async () => {
  using root = new TempFile(""), image = new TempFile("");
  Deno.removeSync(root.path);
  await makeRoot(root.folder);
  await makeImage(root.folder, image.path);
  const { stdout, stderr } = await shell(COMMANDS, image.path, image.folder);
  const runs = stdout.replaceAll("\r", "").split(/(?<=^code \d+\n)/m);
  strictEqual(runs.length, 2, stdout + stderr);
  const [script, init] = runs as [string, string];
  match(script, /^script of the user$/m);
  match(script, /^ +254 +16 +1024 vdb$/m); // the other disk comes behind it
  match(script, /^splitx: exit 9\n.*powered off with code 19\ncode 9$/m);
  match(
    init,
    /^init 1 of the user\n(.*\n)*root on ext2\/ext3\nproc\nttyS0\ndev\nkept\n(?!writable)/m,
  );
  match(init, /^code 0$/m);
});
