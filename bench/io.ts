/**
 * A virtio disk behind a polled queue, beside the same image, file and depth on QEMU with KVM, which
 * is tried at every set-up it has: held against the best of them. All in one run, interleaved. Then
 * the network, likewise.
 */
import { buildGuests } from "../build/guests.ts";
import { hostError } from "../errors.ts";
import { readGuestReport } from "../runtime/guest_report.ts";
import { median } from "../runtime/histogram.ts";
import type { Row } from "../runtime/records.ts";
import { Runtime } from "../runtime/runtime.ts";
import type { VmStats } from "../runtime/vm_stats.ts";
import { bounded, distribution, figure } from "./measurement.ts";
import { benchNet } from "./net.ts";
import { qemuInstalled } from "./qemu.ts";
import { blkOnQemu, QEMU_DISK_SET_UPS } from "./qemu_blk.ts";
import { Samples } from "./samples.ts";

const ROUNDS = 7;
/**
 * V8 compiles the loop and the page cache fills while these run. Each run has a warm-up of its own as
 * well: a host whose cores were idle takes a while to its speed, and QEMU works for longer before the
 * guest begins.
 */
const WARM_UP = 2;
const MIB = 1024 ** 2;
const DISK_BYTES = 256 * MIB;
const OURS = "splitx";
/** QEMU has KVM as well. */
const ENGINE = "kvm";

/** One way to use a disk. */
interface Workload {
  readonly name: string;
  readonly cmdline: string;
  /** What the guest's report calls it. */
  readonly operation: "read" | "write";
  readonly bytes: number;
}

const LATENCY: Workload = {
  name: "4 KiB random read, depth 1",
  cmdline: "n=100000 depth=1 warm=50000",
  operation: "read",
  bytes: 4096,
};
const DEEP: Workload = {
  name: "4 KiB random read, depth 32",
  cmdline: "n=200000 depth=32 warm=100000",
  operation: "read",
  bytes: 4096,
};
const WRITES: Workload = {
  name: "4 KiB random write, a flush every 32",
  cmdline: "rw=write n=3200 depth=32 flush=32 warm=640",
  operation: "write",
  bytes: 4096,
};
const STREAM: Workload = {
  name: "1 MiB sequential read",
  cmdline: "size=1048576 n=512 depth=8 pattern=sequential warm=512",
  operation: "read",
  bytes: MIB,
};
const WORKLOADS = [LATENCY, DEEP, WRITES, STREAM];

/** Bytes a second of `dd` reading the file from the page cache. */
async function hostReadRate(file: string): Promise<number> {
  const started = performance.now();
  const { success } = await new Deno.Command("dd", {
    args: [`if=${file}`, "of=/dev/null", "bs=1M"],
    stderr: "null",
  }).output();
  if (!success) throw hostError("no-dd", "dd does not run on this host");
  return DISK_BYTES / (performance.now() - started) * 1000;
}

/**
 * A file that is in the page cache and has no holes. Written in parts of 4 MiB, as by `dd bs=4M`, of
 * which file systems with large folios make large pages, for us and for QEMU.
 */
function makeDisk(): string {
  const path = Deno.makeTempFileSync({ prefix: "splitx-bench-", suffix: ".img" });
  using file = Deno.openSync(path, { write: true });
  const part = new Uint8Array(4 * MIB).map((_, i) => i * 31 >> 3);
  for (let at = 0; at < DISK_BYTES; at += part.length) file.writeSync(part);
  file.syncSync();
  return path;
}

/**
 * Runs the benchmark.
 *
 * @param say told what is going on
 * @returns rows; those with a bound say whether it holds
 */
export async function benchIo(say: (line: string) => void): Promise<Row[]> {
  if (!await qemuInstalled()) {
    throw hostError(
      "no-qemu",
      "this benchmark holds us against QEMU: apt-get install -y qemu-system-x86",
    );
  }
  const image = `${await buildGuests(say)}/blk.elf`;
  const disk = makeDisk();
  try {
    const { rows, nsPerTick } = await measure(image, disk, say);
    return [...rows, ...await benchNet(nsPerTick, say)];
  } finally {
    Deno.removeSync(disk);
  }
}

/** Counters of a driver that waits for interrupts, with 32 requests in flight. */
async function countInterrupts(runtime: Runtime, disk: string): Promise<VmStats> {
  const cmdline = "n=50000 depth=32 interrupts=1";
  await using vm = runtime.createVm({
    engine: ENGINE,
    guest: "blk",
    disk,
    cmdline,
    irqchip: "full",
  });
  await vm.start();
  readGuestReport(await vm.output());
  await vm.ended;
  return vm.stats();
}

async function measure(
  image: string,
  disk: string,
  say: (line: string) => void,
): Promise<{ rows: Row[]; nsPerTick: number }> {
  const setUps = [OURS, ...QEMU_DISK_SET_UPS.map((one) => one.name)];
  const samples = new Map(
    WORKLOADS.map((one) => [one, new Map(setUps.map((name) => [name, new Samples()]))]),
  );
  const hostRates: number[] = [];
  // Of the machine's whole life, boot included; KVM's own count where it keeps one.
  let exits = 0, requests = 0, interrupts = 0, interruptRequests = 0;
  await using runtime = await Runtime.open({ progress: say });
  for (let round = 1 - WARM_UP; round <= ROUNDS; round++) {
    say(round < 1 ? "warm-up" : `round ${round} of ${ROUNDS}`);
    for (const one of WORKLOADS) {
      const { cmdline, operation } = one, at = samples.get(one)!;
      await using vm = runtime.createVm({
        engine: ENGINE,
        guest: "blk",
        disk,
        writable: true,
        cmdline,
      });
      await vm.start();
      const report = readGuestReport(await vm.output());
      await vm.ended;
      if (round >= 1) {
        at.get(OURS)!.add(report, operation, runtime.nsPerTick);
        const stats = vm.stats();
        if (one === DEEP) {
          exits += stats.engine.exits ?? stats.vcpus[0]!.exitsTotal;
          requests += stats.queueRequests;
        }
      }
      for (const { setUp, report, problem } of await blkOnQemu(image, disk, cmdline)) {
        if (problem !== undefined && round === 1) say(`QEMU, ${setUp}: ${problem}`);
        if (report && round >= 1) at.get(setUp)!.add(report, operation, runtime.nsPerTick);
      }
    }
    if (round < 1) continue;
    hostRates.push(await hostReadRate(disk));
    const driven = await countInterrupts(runtime, disk);
    interrupts += driven.interrupts;
    interruptRequests += driven.queueRequests;
  }

  const rows: Row[] = [];
  for (const [one, bySetUp] of samples) {
    for (const [setUp, { latency, rate, rounds }] of bySetUp) {
      if (rounds === 0) continue;
      const name = `${one.name}, ${setUp === OURS ? OURS : `QEMU ${setUp}`}`;
      const knobs = setUp === OURS
        ? { engine: ENGINE, placement: "split", notification: "polled", guest: "blk" } as const
        : { guest: "blk" };
      rows.push(distribution(name, knobs, "ns", latency));
      const perSecond = one === STREAM ? rate * one.bytes / 1e6 : rate / 1000;
      rows.push(figure(name, knobs, one === STREAM ? "MB/s" : "kIOPS", perSecond, rounds));
    }
  }
  const hostRate = median(hostRates);
  rows.push(figure("dd on the host, 1 MiB", {}, "MB/s", hostRate / 1e6, hostRates.length));

  const ours = (one: Workload) => samples.get(one)!.get(OURS)!;
  const others = (one: Workload) =>
    [...samples.get(one)!].filter(([name, { rounds }]) => name !== OURS && rounds > 0)
      .map(([, values]) => values);
  const quickest = others(LATENCY).reduce((best, one) => one.p50 < best.p50 ? one : best);
  const bestRate = (one: Workload) => Math.max(...others(one).map(({ rate }) => rate));
  const ratio = (name: string, value: number, must: string, holds: boolean) =>
    bounded(name, "ratio", value, ROUNDS, must, holds);
  const p50 = ours(LATENCY).p50 / quickest.p50;
  const p99 = ours(LATENCY).latency.quantile(0.99) / quickest.latency.quantile(0.99);
  const deep = ours(DEEP).rate / bestRate(DEEP);
  const writes = ours(WRITES).rate / bestRate(WRITES);
  const stream = ours(STREAM).rate / bestRate(STREAM);
  const toHost = ours(STREAM).rate * STREAM.bytes / hostRate;
  const exitsEach = exits / requests, interruptsEach = interrupts / interruptRequests;
  rows.push(
    ratio("depth 1 latency to QEMU's best, p50", p50, "at most 0.333", p50 <= 1 / 3),
    ratio("depth 1 latency to QEMU's best, p99", p99, "at most 1", p99 <= 1),
    ratio("depth 32 IOPS to QEMU's best", deep, "at least 1.5", deep >= 1.5),
    ratio("write and flush IOPS to QEMU's best", writes, "at least 1", writes >= 1),
    ratio("sequential MB/s to QEMU's best", stream, "at least 1", stream >= 1),
    ratio("sequential MB/s to dd on the host", toHost, "at least 0.6", toHost >= 0.6),
    bounded(
      "exits per I/O, polled on both sides",
      "count",
      exitsEach,
      requests,
      "at most 0.01",
      exitsEach <= 0.01,
    ),
    bounded(
      "interrupts per I/O, depth 32, driver that waits for them",
      "count",
      interruptsEach,
      interruptRequests,
      "below 0.25",
      interruptsEach > 0 && interruptsEach < 0.25,
    ),
  );
  return { rows, nsPerTick: runtime.nsPerTick };
}
