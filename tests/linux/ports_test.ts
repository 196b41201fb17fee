/** Programs of a Linux guest and of the host talk over named ports of a virtio console. */
import { match, strictEqual } from "node:assert";
import { linuxTest } from "../debian_packages.ts";
import { shell } from "./here.ts";

linuxTest("bytes go both ways between /dev/virtio-ports of Linux and Unix sockets", async () => {
  const { code, stdout, stderr } = await shell("deno run -A tests/linux/ports.ts");
  const output = stdout.replaceAll("\r", "");
  match(output, /^guest: ports echo other$/m, output + stderr);
  match(output, /^guest: size 37 100$/m);
  match(output, /^host: 100000 bytes came back as they went$/m);
  match(output, /^host: again hello$/m);
  match(output, /^guest: other says hi over there$/m);
  match(output, /^guest: the end of other$/m);
  match(output, /^guest: splitx: exit 0$/m);
  strictEqual(code, 0, output + stderr);
});
