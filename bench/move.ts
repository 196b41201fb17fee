/**
 * What a move costs the vCPU that moves: from asking it to come out of its guest until it goes on,
 * on another core. The guest works all the time, and waits for its hypervisor core in between. The
 * control asks the vCPU out and lets it go on where it was: what is left is the host's.
 */
import type { CorePlan, Placement } from "../cores/core_plan.ts";
import { pauseOf } from "../cores/role_mover.ts";
import { check } from "../cores/stub.ts";
import { usableCores } from "../cores/topology.ts";
import { runError } from "../errors.ts";
import { Histogram } from "../runtime/histogram.ts";
import type { Row } from "../runtime/records.ts";
import { Runtime } from "../runtime/runtime.ts";
import type { Vm } from "../runtime/vm.ts";
import { bounded, distribution } from "./measurement.ts";

const ROUNDS = 5;
const MOVES = 200;
/** Between two moves, milliseconds: the guest gets somewhere. */
const GAP = 2;
const LIMIT_NS = 5e6;

/** Two plans between which a machine moves to and fro. */
interface Course {
  readonly name: string;
  readonly placement: Placement;
  readonly plans: readonly [CorePlan, CorePlan];
}

/** Those that so many cores allow. */
function courses(cpus: readonly number[]): Course[] {
  const [a, b, c] = cpus;
  if (a === undefined || b === undefined) {
    throw runError("too-few-cores", "moves need two usable cores");
  }
  const plan = (placement: Placement, house: number, guest: number): CorePlan => ({
    housekeeping: [house],
    hypervisor: placement === "split" ? [house] : [],
    sidecore: [],
    guest: [guest],
  });
  const split = "split", sameCore = "same-core";
  return [
    {
      name: "guest and hypervisor core change places",
      placement: split,
      plans: [plan(split, a, b), plan(split, b, a)],
    },
    {
      name: "guest core and housekeeping change places",
      placement: sameCore,
      plans: [plan(sameCore, a, b), plan(sameCore, b, a)],
    },
    ...c === undefined ? [] : [
      {
        name: "the guest takes a free core",
        placement: split,
        plans: [plan(split, a, b), plan(split, a, c)],
      } as const,
    ],
  ];
}

async function outAndBack(runtime: Runtime, vm: Vm): Promise<number> {
  const { stub } = runtime;
  const [runner] = vm.roleThreads().vcpus;
  check(stub, stub.sx_vcpu_hold(runner!.handle));
  check(stub, stub.sx_vcpu_release(runner!.handle));
  return (await pauseOf(stub, runner!) ?? NaN) * runtime.nsPerTick;
}

async function runCourse(course: Course, moved: Histogram, control: Histogram): Promise<Vm> {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({
    guest: "exits",
    cmdline: "ops=load ms=600000",
    placement: course.placement,
    plan: course.plans[0],
  });
  void vm.output();
  await vm.start();
  for (let i = 1; i <= MOVES; i++) {
    await new Promise((resolve) => setTimeout(resolve, GAP));
    const moves = await vm.move(course.plans[i % 2]!);
    moved.add(moves.find(({ role }) => role === "guest")?.pauseNs ?? NaN);
    await new Promise((resolve) => setTimeout(resolve, GAP));
    control.add(await outAndBack(runtime, vm));
  }
  return vm;
}

/**
 * Runs the benchmark.
 *
 * @param say told what is going on
 * @returns the pauses of each course with its control, and whether they keep their limit
 */
export async function benchMove(say: (line: string) => void): Promise<Row[]> {
  await using runtime = await Runtime.open({ progress: say });
  const rows: Row[] = [], held: Row[] = [];
  for (const course of courses(usableCores(runtime.topology).map((core) => core.cpu))) {
    const { name, placement } = course;
    const moved = new Histogram(), control = new Histogram();
    let vm: Vm | undefined;
    for (let round = 0; round < ROUNDS; round++) vm = await runCourse(course, moved, control);
    const knobs = { engine: vm!.config.engine, placement, guest: "exits" };
    rows.push(
      distribution(`pause of the vCPU, ${placement}: ${name}`, knobs, "ns", moved),
      distribution(`out of the guest and back, ${placement}: no move`, knobs, "ns", control),
    );
    const p99 = moved.quantile(0.99);
    held.push(bounded(
      `pause of a vCPU that moves, p99, ${placement}: ${name}`,
      "ms",
      p99 / 1e6,
      moved.n,
      "at most 5",
      p99 <= LIMIT_NS,
    ));
  }
  return [...rows, ...held];
}
