/** A root file system of a user's own, for tests: busybox, and an init that says that it ran. */
import { join } from "node:path";
import { debianPackage } from "../../build/debian.ts";
import { command } from "../support.ts";

const IMAGE_BYTES = 32 * 1024 ** 2;

/** What it says when it runs, and where it stands; then it powers the machine off. */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s 2> /dev/null
export PATH=/bin
echo "init $$ of $(cat /etc/name)"
ls /
stat -f -c 'root on %T' /
ls /proc/self/fd > /dev/null && echo proc
cat /sys/class/tty/console/active
[ -c /dev/null ] && echo dev
cat /new 2> /dev/null
(touch /written) 2> /dev/null && echo writable
sync
poweroff -f
`;

/** Fills an empty folder. */
export async function makeRoot(folder: string): Promise<void> {
  for (const name of ["bin", "sbin", "etc", "proc", "sys", "dev"]) {
    Deno.mkdirSync(join(folder, name));
  }
  const busybox = await debianPackage("busybox-static", () => {});
  Deno.copyFileSync(join(busybox.folder, "bin/busybox"), join(folder, "bin/busybox"));
  Deno.symlinkSync("busybox", join(folder, "bin/sh"));
  Deno.writeTextFileSync(join(folder, "sbin/init"), INIT, { mode: 0o755 });
  Deno.writeTextFileSync(join(folder, "etc/name"), "the user\n");
}

/** Makes an ext4 image of a folder. */
export async function makeImage(folder: string, image: string): Promise<void> {
  Deno.writeFileSync(image, new Uint8Array());
  Deno.truncateSync(image, IMAGE_BYTES);
  const { code, stderr } = await command("mke2fs", ["-q", "-t", "ext4", "-d", folder, image]);
  if (code !== 0) throw new Error(stderr);
}
