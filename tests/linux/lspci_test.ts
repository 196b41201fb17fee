/** What lspci makes of our PCI functions: identity, regions, capabilities. */
import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert";
import { linuxTest } from "../debian_packages.ts";
import { shell } from "./here.ts";
import { makeDebianRoot } from "./debian_root.ts";
import { command, TempFile } from "../support.ts";

const COMMANDS = `
truncate -s 1M "$2/disk"
echo 'lspci -nn -vv' > "$2/script"
deno run -A cli/run.ts --guest linux --rootfs "$1" --script "$2/script" \
  --disk "$2/disk" --network lan --console virtio`;

/** Class and identity, and how many MSI-X vectors: one a queue and one for the configuration. */
const DEVICES: readonly (readonly [string, RegExp, vectors: number])[] = [
  ["00:01.0", /\[0100\]: .*\[1af4:1042\] \(rev 01\)/, 2],
  ["00:02.0", /\[0200\]: .*\[1af4:1041\] \(rev 01\)/, 3],
  ["00:03.0", /\[(00ff|1000)\]: .*\[1af4:1044\] \(rev 01\)/, 2],
  ["00:04.0", /\[0780\]: .*\[1af4:1043\] \(rev 01\)/, 3],
];

/** Capabilities of virtio's transport, and where in BAR 0 each lies. */
const AREAS: readonly (readonly [string, string])[] = [
  ["CommonCfg", "BAR=0 offset=00000000 size=0000003c"],
  ["ISR", "BAR=0 offset=00001000 size=00000001"],
  ["DeviceCfg", "BAR=0 offset=00002000 size=00001000"],
  ["Notify", "BAR=0 offset=00003000 size="],
];

linuxTest("lspci -vv finds every capability of our devices in order", async () => {
  using root = new TempFile(""), archive = new TempFile("");
  Deno.removeSync(root.path);
  await makeDebianRoot(root.folder, ["pciutils"]);
  const packed = await command("tar", ["-cf", archive.path, "-C", root.folder, "."]);
  strictEqual(packed.code, 0, packed.stderr);
  const { code, stdout, stderr } = await shell(COMMANDS, archive.path, archive.folder);
  const output = stdout.replaceAll("\r", "");
  strictEqual(code, 0, output + stderr);
  doesNotMatch(output, /<access denied>|!!!|unknown capability/i);
  const functions = new Map(
    output.split(/\n(?=[0-9a-f]{2}:[0-9a-f]{2}\.\d )/)
      .filter((text) => /^\S+ .*\[[0-9a-f]{4}:[0-9a-f]{4}\]/.test(text))
      .map((text) => [text.slice(0, 7), text]),
  );
  deepStrictEqual([...functions.keys()], ["00:00.0", ...DEVICES.map(([at]) => at)], output);
  match(functions.get("00:00.0")!, /\[0600\]: .*\[1b36:0008\]/);
  for (const [at, identity, vectors] of DEVICES) {
    const text = functions.get(at)!;
    match(text, identity);
    match(text, /Control: I\/O[+-] Mem\+ BusMaster\+/);
    match(text, /Status: Cap\+ /);
    match(text, /Region 0: Memory at c[0-9a-f]{7} \(32-bit, non-prefetchable\) \[size=16K\]/);
    match(text, /Region 1: Memory at c[0-9a-f]{7} \(32-bit, non-prefetchable\) \[size=4K\]/);
    match(text, new RegExp(`MSI-X: Enable\\+ Count=${vectors} Masked-`));
    match(text, /Vector table: BAR=1 offset=00000000\n\s+PBA: BAR=1 offset=00000800/);
    for (const [name, place] of AREAS) {
      match(text, new RegExp(`Vendor Specific Information: VirtIO: ${name}\\n\\s+${place}`));
    }
    // The window to the BARs, for which not every release of lspci has a word.
    match(text, /Vendor Specific Information: VirtIO: (PciCfgAccess|<unknown>)/);
    const starts = [...text.matchAll(/Capabilities: \[([0-9a-f]{2})\]/g)].map((one) => one[1]!);
    strictEqual(new Set(starts).size, AREAS.length + 2, text);
    ok(starts.every((start) => parseInt(start, 16) % 4 === 0));
  }
});
