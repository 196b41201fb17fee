/** Two unmodified Linux guests on one network of ours. */
import { match, ok, strictEqual } from "node:assert";
import { linuxTest } from "../debian_packages.ts";
import { shell } from "./here.ts";

linuxTest("TCP carries 64 MiB from one Linux guest to another, byte for byte", async () => {
  const { code, stdout, stderr } = await shell("deno run -A tests/linux/two_linux.ts");
  strictEqual(code, 0, stdout + stderr);
  const sums = [...stdout.matchAll(/^(server|client): ([0-9a-f]{64}) {2}-$/gm)];
  strictEqual(sums.map(([, name]) => name).sort().join(), "client,server", stdout);
  strictEqual(sums[0]![2], sums[1]![2]);
  match(stdout, /^client: 5 packets transmitted, 5 packets received/m);
  match(stdout, /^client: driver virtio_net$/m);
  match(stdout, /^client: random 256$/m);
  match(stdout, /^client: size 37 100$/m);
  match(stdout, /^client: this is hvc0$/m);
  const [, sent] = /^server: stopped, frames (\d+) sent,$/m.exec(stdout)!;
  ok(Number(sent) >= 64 * 1024 ** 2 / 1448, `${sent} frames sent`);
});
