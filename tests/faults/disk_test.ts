/** Disks that go wrong, and guests that do wrong with them. */
import { match, ok, strictEqual } from "node:assert";
import { buildStub } from "../../build/stub.ts";
import { ENGINE_NUMBER } from "../../cores/engine.ts";
import { addressOf, check, openStub } from "../../cores/stub.ts";
import { GuestMemory } from "../../cores/guest_memory.ts";
import { openDisk } from "../../runtime/disk.ts";
import { VirtioBlock } from "../../runtime/devices/virtio/block.ts";
import { DriverSide } from "../../runtime/devices/virtio/driver_side.ts";
import { Virtqueue } from "../../runtime/devices/virtio/virtqueue.ts";
import { readGuestReport } from "../../runtime/guest_report.ts";
import { Runtime } from "../../runtime/runtime.ts";
import {
  cliRun,
  command,
  ENGINE,
  engineNamespaceTest,
  engineTest,
  eventually,
  noise,
  POINTS,
  runVm,
  TempFile,
} from "../support.ts";

const SECTOR = 512, BLOCK = 4096;

/** A disk of which the words of each 64 KiB hold their number. */
function numberedDisk(blocks: number): TempFile {
  const words = new Uint32Array(blocks * 16384);
  for (let i = 0; i < words.length; i++) words[i] = Math.floor(i / 16384);
  return new TempFile(new Uint8Array(words.buffer));
}

for (const point of POINTS) {
  const at = `${point.placement}+${point.notification}`;

  engineTest(`a disk is reset, moved and cut off in the middle of requests at ${at}`, async () => {
    await using runtime = await Runtime.open();
    using disk = numberedDisk(64);
    const { output, stats } = await runVm(runtime, {
      guest: "upset",
      disk: disk.path,
      cmdline: "rounds=150 seed=77",
      polling: { quantum: 2 }, // of the 32 that are in flight
      ...point,
    });
    const { text, counts } = readGuestReport(output);
    strictEqual(text, "upset 150 times\n");
    const caught = counts.get("caught")!;
    // At same-core placement a notification returns when everything has been served.
    if (point.placement === "split") ok(caught >= 10, `${caught} in flight`);
    strictEqual(stats.unmappedMemory, 0);
  });
}

engineTest("reads of what was cut off a disk are I/O errors, copied or by a call", async () => {
  const stub = openStub(await buildStub(() => {}));
  const size = 1 << 20, memoryBytes = 2 << 20, data = 0x10000, header = 0x8000, status = 0x9000;
  using file = new TempFile(noise(size));
  const disk = openDisk(stub, file.path, true);
  const vm = check(stub, stub.sx_vm_create(ENGINE_NUMBER[ENGINE], memoryBytes / 4096));
  const at = stub.sx_vm_memory(vm)!;
  const driver = new DriverSide(16, memoryBytes, at);
  const memory = new GuestMemory(addressOf(at), memoryBytes);
  const device = new VirtioBlock(stub, vm, memory, { disk, serial: "s", queues: 1 });
  const queue = new Virtqueue(memory);
  ok(queue.enable(driver.addresses, false));
  const request = (type: number, offset: number, bytes: number) => {
    driver.view.setUint32(header, type, true);
    driver.view.setBigUint64(header + 8, BigInt(offset / SECTOR), true);
    driver.add([
      { address: header, length: 16 },
      { address: data, length: bytes, write: type === 0 },
      { address: status, length: 1, write: true },
    ]);
    strictEqual(device.serve(0, queue, 1), 1);
    return driver.bytes[status];
  };
  const small = 64 << 10, large = 256 << 10; // the longest copied from the mapping; by a call
  for (const bytes of [SECTOR, BLOCK, small, large]) {
    strictEqual(request(0, size - large, bytes), 0, `${bytes} before`);
  }
  Deno.truncateSync(file.path, size / 2);
  for (const bytes of [SECTOR, BLOCK, small, large]) {
    strictEqual(request(0, size / 2, bytes), 1, `${bytes} behind the cut`);
    strictEqual(request(0, size - bytes, bytes), 1, `${bytes} at the old end`);
    strictEqual(request(0, size / 2 - bytes, bytes), 0, `${bytes} before the cut`);
    if (bytes > BLOCK) strictEqual(request(0, size / 2 - BLOCK, bytes), 1, `${bytes} across it`);
  }
  Deno.truncateSync(file.path, 0);
  for (const bytes of [SECTOR, small, large]) strictEqual(request(0, 0, bytes), 1);
  driver.bytes.fill(3, data, data + BLOCK);
  strictEqual(request(1, size - BLOCK, BLOCK), 0); // a write makes the file long again
  driver.bytes.fill(0, data, data + BLOCK);
  strictEqual(request(0, size - BLOCK, BLOCK), 0);
  strictEqual(driver.bytes[data + BLOCK - 1], 3);
  strictEqual(Deno.statSync(file.path).size, size);
  stub.sx_file_close(disk.file);
  strictEqual(stub.sx_vm_destroy(vm), 0);
});

for (const size of [4096, 131072]) {
  engineTest(
    `a guest whose disk is cut short while it reads ${size} bytes is told so`,
    async () => {
      await using runtime = await Runtime.open();
      using disk = new TempFile(noise(4 << 20));
      await using vm = runtime.createVm({
        guest: "blk",
        disk: disk.path,
        cmdline: `n=100000000 depth=8 size=${size}`,
      });
      await vm.start();
      const output = vm.output();
      await eventually("requests", () => vm.stats().queueRequests > 100);
      Deno.truncateSync(disk.path, 0);
      strictEqual((await vm.ended).code, 1);
      match(await output, /^request of type 0 failed with status 1 at sector \d+$/m);
      match((await runVm(runtime, { guest: "hello" })).output, /^hello/);
    },
  );
}

engineNamespaceTest(
  "a guest that writes to a disk without room on the host is told so",
  async () => {
    const run =
      `${Deno.execPath()} run -A cli/run.ts --once --guest blk --disk "$d/disk" --writable`;
    const { code, stdout, stderr } = await command("unshare", [
      ...["--mount", "--propagation", "private", "sh", "-ec"],
      `d=$(mktemp -d)
    trap 'umount "$d"; rmdir "$d"' EXIT
    mount -t tmpfs -o size=1m none "$d"
    truncate -s 4M "$d/disk"
    ${run} --cmdline "rw=write pattern=sequential n=1024 depth=4"`,
    ]);
    match(stdout, /^request of type 1 failed with status 1 at sector \d+$/m, stderr);
    strictEqual(code, 1);
    const sector = Number(/at sector (\d+)/.exec(stdout)![1]);
    ok(sector * SECTOR >= 900 << 10 && sector * SECTOR <= 1 << 20, `sector ${sector}`);
  },
);

/** Files that are no disks. */
const WRONG_DISKS: readonly (readonly [string, RegExp])[] = [
  ["/nowhere", /^run: disk \/nowhere does not exist$/m],
  ["/", /^run: disk \/ is a folder$/m],
  ["/dev/null", /^run: disk \/dev\/null is not a regular file$/m],
];

for (const [file, line] of WRONG_DISKS) {
  engineTest(`run refuses ${file} as the second of two virtio disks`, async () => {
    using good = new TempFile(new Uint8Array(BLOCK));
    const disks = [{ file: good.path }, { file }];
    using config = new TempFile(JSON.stringify({ vms: [{ guest: "blk", disks }] }));
    const { code, stderr } = await cliRun(["--config", config.path]);
    match(stderr, line);
    strictEqual(code, 2);
  });
}
