/** A Linux guest on the user network: passt between it and the host's sockets, in the lab. */
import { match, ok, strictEqual } from "node:assert";
import { labTest } from "../debian_packages.ts";
import { lab } from "./lab.ts";

labTest(
  "TCP over passt carries bytes to and from the host, and the link follows passt",
  async () => {
    const { code, stdout, stderr } = await lab("deno", "run", "-A", "tests/lab/user_network.ts");
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

/** What `run` says of the network of a Linux guest: by itself, by name, and without passt. */
const RUNS = `
echo 'ls /sys/class/net' > /tmp/s
linux() { deno run -A cli/run.ts --guest linux --script /tmp/s "$@" | grep '^[a-z0-9]*.$'; }
echo default $(linux)
echo none $(linux --network none)
rm /usr/bin/passt
echo absent $(linux)
deno run -A cli/run.ts --guest hello --network user`;

labTest("a Linux guest has the user network where passt is installed", async () => {
  const { code, stdout, stderr } = await lab("sh", "-c", RUNS);
  const words = stdout.replaceAll("\r", "");
  match(words, /^default eth0 lo$/m, stdout + stderr);
  match(words, /^none lo$/m);
  match(words, /^absent lo$/m);
  match(
    stderr,
    /^run: no passt on this host, .*: apt-get install -y passt; .*--network none$/m,
  );
  strictEqual(code, 3);
  ok(!stdout.includes("hello from"));
});
