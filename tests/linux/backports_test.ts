/** A younger kernel than the one that this host's release has. */
import { match, strictEqual } from "node:assert";
import { backports } from "../../build/debian_backports.ts";
import { buildLinuxGuest } from "../../build/linux.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { NO_PACKAGES, problemOf } from "../debian_packages.ts";
import { NO_ENGINE, testUnless } from "../support.ts";
import { runLinux } from "./here.ts";

const silent = () => {};
const NO_BACKPORTS = NO_ENGINE || NO_PACKAGES || await problemOf(backports(silent));

testUnless(
  NO_BACKPORTS,
  "Debian's backports kernel boots on two processors, with its devices",
  async () => {
    const { kernel, initrd, version } = await buildLinuxGuest(silent, await backports(silent));
    await using runtime = await Runtime.open();
    const script = `
    uname -v
    grep -c ^processor /proc/cpuinfo
    ls -1d /sys/class/net/eth0 /sys/block/vda
    dd if=/dev/hwrng bs=64 count=1 2>/dev/null | wc -c`;
    const { output, end } = await runLinux(
      runtime,
      script,
      { vcpus: 2, overcommit: true, network: "lan", disk: kernel },
      { kernel, initrd },
    );
    match(output, new RegExp(`Debian ${RegExp.escape(version)} `));
    match(output, /^2\n/m);
    match(output, /^\/sys\/block\/vda\n\/sys\/class\/net\/eth0\n64\nsplitx: exit 0\n/m);
    strictEqual(end.code, 1);
  },
);
