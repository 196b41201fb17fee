/** The micro guest `blk` on an unmodified QEMU, at several ways to serve its disk. */
import { type GuestReport, readGuestReport } from "../runtime/guest_report.ts";
import { PCI_MACHINES, runOnQemu } from "./qemu.ts";

/** A way in which QEMU serves a disk. */
export interface QemuDiskSetUp {
  readonly name: string;
  /** QEMU's options; the disk is `d0` on a device of its own. */
  readonly options: (file: string) => readonly string[];
}

/** How long QEMU's I/O thread polls before it sleeps. */
const POLL_NS = 50_000;

function setUp(iothread: boolean, aio: "threads" | "io_uring"): QemuDiskSetUp {
  return {
    name: `${iothread ? `iothread polling ${POLL_NS / 1000} us` : "main loop"}, aio=${aio}`,
    options: (file) => [
      ...(iothread ? ["-object", `iothread,id=io0,poll-max-ns=${POLL_NS}`] : []),
      // A comma in a QEMU option is written twice.
      ...["-drive", `file=${file.replaceAll(",", ",,")},if=none,id=d0,format=raw,aio=${aio}`],
      "-device",
      `virtio-blk-pci,drive=d0,disable-legacy=on${iothread ? ",iothread=io0" : ""}`,
    ],
  };
}

/** QEMU's default first. */
export const QEMU_DISK_SET_UPS: readonly QemuDiskSetUp[] = [
  setUp(false, "threads"),
  setUp(false, "io_uring"),
  setUp(true, "threads"),
  setUp(true, "io_uring"),
];

/** What `blk` measured at one set-up. */
export interface QemuDiskRun {
  readonly setUp: string;
  /** Absent where this QEMU or this host cannot do it. */
  readonly report?: GuestReport;
  /** Why there is no report. */
  readonly problem?: string;
}

/**
 * Runs the image once at each of {@link QEMU_DISK_SET_UPS}, with KVM.
 *
 * @param image path of the `blk` image
 * @param disk path of a raw disk
 * @param commandLine of the guest, such as `n=10000 depth=32`
 */
export async function blkOnQemu(
  image: string,
  disk: string,
  commandLine: string,
): Promise<QemuDiskRun[]> {
  const runs: QemuDiskRun[] = [];
  for (const { name, options } of QEMU_DISK_SET_UPS) {
    const machine = [...PCI_MACHINES.q35, ...options(disk)];
    const { output, code, errors } = await runOnQemu("kvm", image, commandLine, machine);
    const report = readGuestReport(output);
    if (code === 1 && report.spans.size > 0) runs.push({ setUp: name, report });
    else runs.push({ setUp: name, problem: (report.text || errors || `code ${code}`).trim() });
  }
  return runs;
}
