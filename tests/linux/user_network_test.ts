/** A Linux guest on the user network: passt between it and the host's sockets. */
import { match, strictEqual } from "node:assert";
import { linuxTest } from "../debian_packages.ts";
import { TempFile } from "../support.ts";
import { shell } from "./here.ts";

linuxTest(
  "TCP over passt carries bytes to and from the host, and the link follows passt",
  async () => {
    const { code, stdout, stderr } = await shell("deno run -A tests/linux/user_network.ts");
    strictEqual(code, 0, stdout + stderr);
    const [transfers, left] = stdout.trim().split("\n").map((line) => JSON.parse(line));
    const words = transfers.output.replaceAll("\r", "");
    match(words, new RegExp(`^${transfers.hash}  -\n`)); // what came is what the host has
    match(words, /^(\w+) {2}-\n\1 came back\n/m); // what went is what the host got
    match(words, /^splitx: exit 5$/m);
    strictEqual(transfers.processes, 1);
    strictEqual(transfers.linksLost, 0);

    match(left.output.replaceAll("\r", ""), /^carrier 1\nnobody answers\nsplitx: exit 6\n$/);
    strictEqual(left.linksLost, 1);
  },
);

/** Network devices of a Linux guest, by itself and without a network. */
const RUNS = `
echo 'ls -1 /sys/class/net' > "$1/script"
networks() {
  folder=$1; shift
  deno run -A cli/run.ts --guest linux --script "$folder/script" "$@" | grep '^[a-z0-9]*.$'
}
echo default $(networks "$1")
echo none $(networks "$1" --network none)`;

linuxTest("a Linux guest has the user network where passt is installed", async () => {
  using folder = new TempFile("");
  const { code, stdout, stderr } = await shell(RUNS, folder.folder);
  const words = stdout.replaceAll("\r", "");
  match(words, /^default eth0 lo$/m, stdout + stderr);
  match(words, /^none lo$/m);
  strictEqual(code, 0);
});
