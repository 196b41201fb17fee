/** Linux's driver on our virtio disk. */
import { match, strictEqual } from "node:assert";
import { linuxTest } from "../debian_packages.ts";
import { TempFile } from "../support.ts";
import { shell } from "./here.ts";

/** Sectors of the disk, and of 4 GiB. */
const SECTORS = 6 * 2 ** 21, FOUR_GIB = 4 * 2 ** 21;

/**
 * What Linux read of the configuration, and whether written and discarded bytes are so; then words
 * on both sides of 4 GiB and at the very end.
 */
const SCRIPT = `
cd /sys/block/vda
echo $(cat size) $(cat serial) $(cat queue/logical_block_size queue/physical_block_size)
echo $(cat queue/discard_max_bytes queue/write_zeroes_max_bytes queue/write_cache)
dd if=/dev/urandom of=/tmp/a bs=64k count=16 2> /dev/null
dd if=/tmp/a of=/dev/vda bs=64k conv=fsync 2> /dev/null
echo 3 > /proc/sys/vm/drop_caches
[ "$(dd if=/dev/vda bs=64k count=16 2> /dev/null | md5sum)" = "$(md5sum < /tmp/a)" ] && echo same
blkdiscard /dev/vda && echo discarded
[ -z "$(dd if=/dev/vda bs=64k count=16 2> /dev/null | tr -d '\\0')" ] && echo empty
put() {
  (echo "at $1"; head -c 1000 /dev/zero) | head -c $((512 * $2)) > /tmp/words
  dd if=/tmp/words of=/dev/vda bs=512 seek=$1 count=$2 oflag=direct conv=notrunc 2> /dev/null
  echo "$1 $(dd if=/dev/vda bs=512 skip=$1 count=$2 iflag=direct 2> /dev/null | head -n 1)"
}
put ${FOUR_GIB - 1} 2
put ${SECTORS - 1} 1
dd if=/tmp/words of=/dev/vda bs=512 seek=${SECTORS} count=1 oflag=direct 2> /dev/null || echo full`;

/** The machine, and what its disk takes of the host before and after. */
const COMMANDS = `
printf '%s' "$1" > "$2/script"
disk=$2/disk
dd if=/dev/urandom of=$disk bs=1M count=8 2> /dev/null
truncate -s ${SECTORS * 512} $disk
deno run -A cli/run.ts --guest linux --script "$2/script" --disk $disk --writable
code=$?
echo blocks $(stat -c %b $disk) of $(stat -c %s $disk)
for at in ${FOUR_GIB - 1} ${SECTORS - 1}; do
  echo "file $(dd if=$disk bs=512 skip=$at count=1 2> /dev/null | head -n 1)"
done
exit $code`;

linuxTest("Linux writes, flushes and discards on a virtio disk, above 4 GiB too", async () => {
  using folder = new TempFile("");
  const { code, stdout, stderr } = await shell(COMMANDS, SCRIPT, folder.folder);
  const output = stdout.replaceAll("\r", "");
  match(output, /^12582912 splitx-0 512 4096\n33554432 33554432 write back\n/m, stderr);
  match(output, /^same\ndiscarded\nempty\n/m);
  for (const at of [FOUR_GIB - 1, SECTORS - 1]) {
    match(output, new RegExp(`^${at} at ${at}$`, "m"));
    match(output, new RegExp(`^file at ${at}$`, "m"));
  }
  match(output, /^full$/m);
  // Pages that were written in the end or looked at: 8 MiB before would be 16,384 blocks.
  match(output, new RegExp(`^blocks \\d{1,2} of ${SECTORS * 512}$`, "m"));
  strictEqual(code, 0, output);
});
