/**
 * The software processor: instructions a second, a Linux boot and its memory beside QEMU's software
 * processor on the same images, and what an exit to the hypervisor core costs. All in one run,
 * interleaved.
 */
import { buildGuests } from "../build/guests.ts";
import { hostError, runError } from "../errors.ts";
import { readGuestReport } from "../runtime/guest_report.ts";
import { Histogram, median } from "../runtime/histogram.ts";
import type { Row } from "../runtime/records.ts";
import { Runtime } from "../runtime/runtime.ts";
import { bootFiles, bootOnQemu, bootOnSoft } from "./linux_boot.ts";
import { bounded, distribution, figure } from "./measurement.ts";
import { qemuInstalled, runOnQemu } from "./qemu.ts";

const ENGINE = "soft";
const ROUNDS = 5;
const BOOTS = 7;
const EXITS = 20_000;

/** The guest's operations, each long enough for a second or less of QEMU's. */
const WORK = [
  { operation: "integer", n: 100_000_000, name: "integer loop" },
  { operation: "copy", n: 100_000, name: "memory copy" },
  { operation: "sha256", n: 200_000, name: "SHA-256" },
  { operation: "sieve", n: 8_000_000, name: "sieve" },
] as const;

type Work = typeof WORK[number];

const commandLine = ({ operation, n }: Work) => `ops=${operation} n=${n}`;

/** Ticks that the guest's report gives its one operation. */
function ticksIn(output: string, { operation }: Work): number {
  const span = readGuestReport(output).spans.get(operation);
  if (!span) throw runError("no-figures", `the guest compute gave no figures: ${output}`);
  return span.ticks;
}

async function onSoft(runtime: Runtime, work: Work, clock: "host" | "virtual" = "host") {
  await using vm = runtime.createVm({
    guest: "compute",
    engine: ENGINE,
    clock,
    cmdline: commandLine(work),
  });
  await vm.start();
  const ticks = ticksIn(await vm.output(), work);
  await vm.ended;
  const { cpuNs, engine } = vm.stats().vcpus[0]!;
  return { ticks, cpuNs, instructions: engine.instructions! };
}

async function exitTimes(runtime: Runtime): Promise<Histogram> {
  const cmdline = `ops=out n=${EXITS}`;
  await using vm = runtime.createVm({ guest: "exits", engine: ENGINE, cmdline });
  await vm.start();
  const ticks = readGuestReport(await vm.output()).histograms.get("out")!;
  const values = new Histogram();
  values.merge(ticks, runtime.nsPerTick);
  return values;
}

async function benchWork(runtime: Runtime, image: string, say: (line: string) => void) {
  const rates = new Map(WORK.map((work) => [work, { soft: [] as number[], qemu: [] as number[] }]));
  const exits = new Histogram(), slowdowns: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    say(round === 0 ? "warm-up" : `round ${round} of ${ROUNDS}`);
    for (const [work, { soft, qemu }] of rates) {
      const { ticks, cpuNs, instructions } = await onSoft(runtime, work);
      const virtual = await onSoft(runtime, work, "virtual");
      const { output } = await runOnQemu("tcg", image, commandLine(work));
      const rate = (spent: number) => instructions / (spent * runtime.nsPerTick) * 1000;
      if (round === 0) continue;
      slowdowns.push(virtual.cpuNs / cpuNs);
      soft.push(rate(ticks));
      qemu.push(rate(ticksIn(output, work)));
    }
    const values = await exitTimes(runtime);
    if (round > 0) exits.merge(values);
  }
  return { rates, exits, slowdowns };
}

async function benchBoot(runtime: Runtime, say: (line: string) => void) {
  const files = await bootFiles(say);
  const soft = { ms: new Histogram(), mib: [] as number[] };
  const qemu = { ms: new Histogram(), mib: [] as number[] }, ratios: number[] = [];
  try {
    for (let boot = 1; boot <= BOOTS; boot++) {
      say(`boot ${boot} of ${BOOTS}`);
      const ours = await bootOnSoft(runtime, files), theirs = await bootOnQemu(files);
      soft.ms.add(ours.milliseconds);
      soft.mib.push(ours.overheadMib);
      qemu.ms.add(theirs.milliseconds);
      qemu.mib.push(theirs.overheadMib);
      ratios.push(ours.milliseconds / theirs.milliseconds);
    }
  } finally {
    Deno.removeSync(files.initrd);
  }
  return { soft, qemu, ratio: median(ratios) };
}

/**
 * Runs the benchmark.
 *
 * @param say told what is going on
 * @returns rows; those with a bound say whether it holds
 */
export async function benchSoft(say: (line: string) => void): Promise<Row[]> {
  if (!await qemuInstalled()) {
    throw hostError(
      "no-qemu",
      "this benchmark stands beside QEMU: install it, for example with: " +
        "apt-get install -y qemu-system-x86",
    );
  }
  const image = `${await buildGuests(say)}/compute.elf`;
  await using runtime = await Runtime.open({ progress: say });
  const boot = await benchBoot(runtime, say);
  const { rates, exits, slowdowns } = await benchWork(runtime, image, say);
  const knobs = { engine: ENGINE, guest: "compute" } as const, rows: Row[] = [];
  for (const [{ name }, { soft, qemu }] of rates) {
    rows.push(
      figure(`${name}, soft`, knobs, "M/s", median(soft), soft.length),
      figure(`${name}, QEMU TCG`, { guest: "compute" }, "M/s", median(qemu), qemu.length),
      figure(
        `${name}, soft to QEMU TCG`,
        {},
        "ratio",
        median(soft.map((rate, i) => rate / qemu[i]!)),
        soft.length,
      ),
    );
  }
  const linux = { engine: ENGINE, guest: "linux" } as const;
  rows.push(
    distribution("Linux boot, soft", linux, "ms", boot.soft.ms),
    distribution("Linux boot, QEMU TCG", { guest: "linux" }, "ms", boot.qemu.ms),
    figure("memory of QEMU's process over guest RAM", {}, "MiB", median(boot.qemu.mib), BOOTS),
    distribution(
      "OUT answered by the hypervisor core",
      { engine: ENGINE, placement: "split", notification: "exit", guest: "exits" },
      "ns",
      exits,
    ),
  );
  const integer = median(rates.get(WORK[0])!.soft), memory = Math.max(...boot.soft.mib);
  const exit = exits.quantile(0.5) / 1000, slowdown = median(slowdowns);
  rows.push(
    bounded("integer loop", "M/s", integer, ROUNDS, "at least 150", integer >= 150),
    bounded("Linux boot to QEMU's", "ratio", boot.ratio, BOOTS, "at most 3", boot.ratio <= 3),
    bounded(
      "memory that a boot adds over guest RAM",
      "MiB",
      memory,
      BOOTS,
      "at most 64",
      memory <= 64,
    ),
    bounded("exit round trip, p50", "us", exit, exits.n, "at most 1.5", exit <= 1.5),
    bounded(
      "virtual clock to the host's, processor time",
      "ratio",
      slowdown,
      slowdowns.length,
      "at most 2",
      slowdown <= 2,
    ),
  );
  return rows;
}
