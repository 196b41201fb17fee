/**
 * The cost of needing the hypervisor: by ring, by posted ring and by exit, split and same-core, with
 * a C responder, the floor of the machine and QEMU beside them. All in one run, interleaved.
 */
import { buildGuests } from "../build/guests.ts";
import { hostError } from "../errors.ts";
import { Histogram, median } from "../runtime/histogram.ts";
import type { Row } from "../runtime/records.ts";
import { Runtime } from "../runtime/runtime.ts";
import { collectionsUnderLoad } from "./gc.ts";
import { bounded, distribution, figure } from "./measurement.ts";
import { buildNative, openNative } from "./native.ts";
import { portExitsOnQemu, qemuInstalled } from "./qemu.ts";
import { idleMemory } from "./idle_memory.ts";
import { startUpTimes } from "./start_up.ts";
import { C_RESPONDER, ringTrip, runTrip, type Trip, trip, tripEngine } from "./trip.ts";

const ROUNDS = 12;
const RING_CALLS = 40_000;
const EXITS = 800;
/** Enough for the exit that is held against QEMU's. */
const EXITS_BESIDE_QEMU = 3000;
const POSTED = 1_000_000;
const PING_PONGS = 40_000;
/** V8 compiles the loop while these run. */
const WARM_UP = 2;

const TRIPS: readonly Trip[] = [
  ringTrip(RING_CALLS, "typescript"),
  ringTrip(RING_CALLS, "c"),
  trip("OUT, same-core", "same-core", "exit", "out", EXITS_BESIDE_QEMU),
  trip("OUT, split", "split", "exit", "out", EXITS_BESIDE_QEMU),
  trip("IN, same-core", "same-core", "exit", "in", EXITS),
  trip("IN, split", "split", "exit", "in", EXITS),
  trip("hypercall by exit, same-core", "same-core", "exit", "call_exit", EXITS),
  trip("hypercall by exit, split", "split", "exit", "call_exit", EXITS),
  trip("unmapped MMIO read, split", "split", "exit", "mmio", EXITS),
  trip("two TSC reads and nothing between", "split", "polled", "nothing", RING_CALLS),
];

const POSTED_TRIP = trip("posted console bytes", "split", "polled", "posted", POSTED);

/**
 * Runs the benchmark.
 *
 * @param say told what is going on
 * @returns rows; those with a bound say whether it holds
 */
export async function benchExits(say: (line: string) => void): Promise<Row[]> {
  await buildNative(say);
  const native = openNative();
  const results = new Map(TRIPS.map((one) => [one, new Histogram()]));
  const pingPong = new Histogram(), qemu = new Histogram();
  /** Medians of one round, ours over QEMU's: the host changes its speed between rounds. */
  const toQemu = { sameCore: [] as number[], split: [] as number[] };
  const postedRates: number[] = [];
  const { engine, why } = await tripEngine(say);
  const installed = await qemuInstalled(), withQemu = installed && engine === "kvm";
  if (engine !== "kvm") {
    say(`engine: ${engine}, because ${why}: QEMU's row, which is of KVM, is skipped`);
  } else if (!installed) {
    say("QEMU is not installed (apt-get install -y qemu-system-x86): its row is skipped");
  }
  const image = `${await buildGuests(say)}/exits.elf`;

  await (async () => {
    await using typescript = await Runtime.open({ progress: say });
    await using c = await Runtime.open({ progress: say, workerModule: C_RESPONDER });
    const runtimes = { typescript, c };
    const cpus = typescript.topology.cores.filter((core) => core.online && core.allowed);
    if (cpus.length < 2) throw hostError("too-few-cores", "this benchmark needs two cores");
    for (let round = 1 - WARM_UP; round <= ROUNDS; round++) {
      say(round < 1 ? "warm-up" : `round ${round} of ${ROUNDS}`);
      const medians = new Map<string, number>();
      for (const one of TRIPS) {
        const { values } = await runTrip(runtimes[one.runtime], one);
        medians.set(one.name, values.quantile(0.5));
        if (round >= 1) results.get(one)!.merge(values);
        if (one.name !== "OUT, same-core" || !withQemu) continue;
        const there = new Histogram();
        there.merge(await portExitsOnQemu(image, EXITS_BESIDE_QEMU), typescript.nsPerTick);
        medians.set("QEMU", there.quantile(0.5));
        if (round >= 1) qemu.merge(there);
      }
      if (withQemu && round >= 1) {
        toQemu.sameCore.push(medians.get("OUT, same-core")! / medians.get("QEMU")!);
        toQemu.split.push(medians.get("OUT, split")! / medians.get("QEMU")!);
      }
      const { span } = await runTrip(typescript, POSTED_TRIP);
      if (round >= 1 && span) postedRates.push(span.n / (span.ticks * typescript.nsPerTick) * 1000);
      const ticks = new Uint32Array(PING_PONGS);
      await native.bench_ping_pong(cpus[1]!.cpu, cpus[0]!.cpu, ticks, PING_PONGS);
      if (round >= 1) { for (const tick of ticks) pingPong.add(tick * typescript.nsPerTick); }
    }
  })();

  const find = (name: string) => [...results].find(([one]) => one.name === name)![1];
  const rows: Row[] = [...results].map(([one, values]) =>
    distribution(one.name, { ...one.knobs, engine }, "ns", values)
  );
  rows.push(distribution("C to C, one line, round trip", {}, "ns", pingPong));
  rows.push(
    figure(
      POSTED_TRIP.name,
      { ...POSTED_TRIP.knobs, engine },
      "M/s",
      median(postedRates),
      postedRates.length,
    ),
  );
  if (withQemu) rows.push(distribution("OUT, same image on QEMU with KVM", {}, "ns", qemu));

  say("garbage collections during 10 s of each full load");
  const collections = await collectionsUnderLoad("exits");
  const ofDisk = await collectionsUnderLoad("disk");
  say("start-up");
  const startUp = await startUpTimes();
  say("memory");
  const memory = await idleMemory();

  const ring = find("ring hypercall, TypeScript responder");
  const ringInC = find("ring hypercall, C responder");
  const sameCore = find("OUT, same-core"), split = find("OUT, split");
  const posted = median(postedRates);
  const p50 = ring.quantile(0.5) / ringInC.quantile(0.5);
  const p99 = ring.quantile(0.99) / ringInC.quantile(0.99);
  const cheaper = sameCore.quantile(0.5) / ring.quantile(0.5);
  const more = (split.quantile(0.5) - sameCore.quantile(0.5)) / 1000;
  rows.push(
    bounded("ring, TypeScript to C, p50", "ratio", p50, ring.n, "at most 1.3", p50 <= 1.3),
    bounded("ring, TypeScript to C, p99", "ratio", p99, ring.n, "at most 2", p99 <= 2),
    bounded("same-core exit to ring", "ratio", cheaper, sameCore.n, "at least 30", cheaper >= 30),
    bounded("posted hypercalls", "M/s", posted, postedRates.length, "at least 5", posted >= 5),
    bounded("split exit less same-core exit", "us", more, split.n, "at most 1", more <= 1),
  );
  if (withQemu) {
    const sameCoreToQemu = median(toQemu.sameCore), splitToQemu = median(toQemu.split);
    rows.push(
      figure("OUT, same-core, to QEMU's", {}, "ratio", sameCoreToQemu, toQemu.sameCore.length),
      bounded(
        "OUT, split, to QEMU's",
        "ratio",
        splitToQemu,
        toQemu.split.length,
        "at most 1",
        splitToQemu <= 1,
      ),
    );
  }
  rows.push(
    bounded(
      "collections on the hypervisor core in 10 s",
      "count",
      collections.count,
      collections.turns,
      "0",
      collections.count === 0 && collections.turns > 0,
    ),
    bounded(
      "the same, polled virtio disk at depth 32",
      "count",
      ofDisk.count,
      ofDisk.turns,
      "0",
      ofDisk.count === 0 && ofDisk.turns > 0,
    ),
    bounded(
      "run to the first guest instruction",
      "ms",
      startUp.quantile(0.5),
      startUp.n,
      "at most 400",
      startUp.quantile(0.5) <= 400,
    ),
    bounded(
      "resident, one idle machine",
      "MiB",
      memory.runtimeMib,
      1,
      "at most 130",
      memory.runtimeMib <= 130,
    ),
    bounded(
      "resident, each further machine",
      "MiB",
      memory.furtherMib,
      memory.further,
      "at most 5",
      memory.furtherMib <= 5,
    ),
  );
  return rows;
}
