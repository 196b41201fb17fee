/** Linux's driver on our virtio disk, in the lab. */
import { match, strictEqual } from "node:assert";
import { packagesTest } from "../debian_packages.ts";
import { command } from "../support.ts";

/** What Linux read of the configuration, and whether written and discarded bytes are so. */
const SCRIPT = `
cd /sys/block/vda
echo $(cat serial) $(cat queue/logical_block_size queue/physical_block_size)
echo $(cat queue/discard_max_bytes queue/write_zeroes_max_bytes queue/write_cache)
dd if=/dev/urandom of=/tmp/a bs=64k count=16 2> /dev/null
dd if=/tmp/a of=/dev/vda bs=64k conv=fsync 2> /dev/null
echo 3 > /proc/sys/vm/drop_caches
[ "$(dd if=/dev/vda bs=64k count=16 2> /dev/null | md5sum)" = "$(md5sum < /tmp/a)" ] && echo same
blkdiscard /dev/vda && echo discarded
[ -z "$(dd if=/dev/vda bs=64k count=16 2> /dev/null | tr -d '\\0')" ] && echo empty`;

/** The machine in the lab, and what its disk takes of the host before and after. */
const COMMANDS = `
printf '%s' "$1" > /tmp/script
dd if=/dev/urandom of=/tmp/disk bs=1M count=8 2> /dev/null
deno run -A cli/run.ts --guest linux --script /tmp/script --disk /tmp/disk --writable
code=$?
echo blocks $(stat -c %b /tmp/disk)
exit $code`;

packagesTest("Linux writes, flushes and discards on a virtio disk", async () => {
  const { code, stdout, stderr } = await command(Deno.execPath(), [
    ...["run", "-A", "cli/lab.ts", "--", "sh", "-c", COMMANDS, "sh", SCRIPT],
  ]);
  const output = stdout.replaceAll("\r", "");
  match(output, /^splitx-0 512 4096\n33554432 33554432 write back\n/m, stderr);
  match(output, /^same\ndiscarded\nempty\n/m);
  match(output, /^blocks 0$/m);
  strictEqual(code, 0, output);
});
