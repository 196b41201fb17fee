import { deepStrictEqual, match, notDeepStrictEqual, ok, rejects, strictEqual } from "node:assert";
import { pointKey } from "./experiment.ts";
import { fakeContext, fakeExperiment, fakeParameters, POINTS } from "./fake_experiment.ts";
import { type ExperimentProgress, isSettled, runExperiment, type Sample } from "./runner.ts";

const MEASURED = POINTS.filter((point) => point.kind === "measured").map(pointKey);

/** Runs a fake to its end: its order, samples and rows. */
async function runFake(settings = {}, stored: readonly Sample[] = []) {
  const experiment = fakeExperiment(), samples: Sample[] = [];
  const result = await runExperiment(experiment, fakeParameters(settings), fakeContext(), {
    stored,
    keep: (sample) => void samples.push(sample),
  });
  return { order: experiment.measured, samples, ...result };
}

const identity = ({ point, repetition }: Sample) => `${repetition} ${point}`;

Deno.test("runExperiment() measures every point once in each round", async () => {
  const { samples } = await runFake({ repetitions: 6, precision: 0, warmUp: 0 });
  strictEqual(samples.length, 3 * 6 + 1, "the modelled point once");
  for (let round = 0; round < 6; round++) {
    const of = samples.filter((sample) => sample.repetition === round).map(({ point }) => point);
    deepStrictEqual(of.filter((point) => MEASURED.includes(point)).sort(), [...MEASURED].sort());
  }
  deepStrictEqual(
    samples.map(({ repetition }) => repetition).toSorted((a, b) => a - b),
    samples.map(({ repetition }) => repetition),
    "one round after the other",
  );
});

Deno.test("runExperiment() takes points in orders that the seed decides", async () => {
  const orders = async (seed: number) =>
    (await runFake({ repetitions: 8, precision: 0, warmUp: 0, seed })).order;
  deepStrictEqual(await orders(1), await orders(1));
  notDeepStrictEqual(await orders(1), await orders(2));
  const order = (await orders(3)).filter((point) => MEASURED.includes(point));
  const rounds = new Set(Array.from({ length: 8 }, (_, i) => order.slice(3 * i, 3 * i + 3).join()));
  ok(rounds.size > 1, "not each round in one order");
});

Deno.test("runExperiment() throws the warm-up away", async () => {
  const { order, samples } = await runFake({ repetitions: 2, warmUp: 3 });
  strictEqual(order.length, 3 * 3 + 3 * 2 + 1);
  strictEqual(samples.length, 3 * 2 + 1);
});

Deno.test("runExperiment() makes a row of each figure, and derived ones behind them", async () => {
  const { rows, finished } = await runFake({ repetitions: 3 });
  ok(finished);
  strictEqual(rows.length, 2 * 4 + 1);
  const speed = rows[0]!, size = rows[1]!, modelled = rows[6]!;
  strictEqual(speed.n, 3);
  strictEqual(speed.value, [...speed.samples!].sort((a, b) => a - b)[1]);
  ok(speed.interval!.low <= speed.value! && speed.interval!.high >= speed.value!);
  deepStrictEqual(size.at, { x: "a", y: 1 });
  deepStrictEqual([modelled.kind, modelled.n, modelled.interval], ["modelled", 1, undefined]);
  strictEqual(rows[8]!.name, "sum");
});

Deno.test("isSettled() waits for enough repetitions and for a narrow interval", () => {
  const point = POINTS[0]!, modelled = POINTS[3]!;
  const values = (...of: number[]) => of.map((value) => [{ name: "speed", unit: "1", value }]);
  const rule = fakeParameters({ least: 5, repetitions: 9, precision: 0.02 });
  ok(!isSettled(point, values(1, 1, 1, 1), rule), "fewer than the least");
  ok(isSettled(point, values(1, 1, 1, 1, 1), rule), "precise");
  ok(!isSettled(point, values(1, 2, 3, 4, 5), rule), "not precise");
  ok(isSettled(point, values(1, 2, 3, 4, 5, 6, 7, 8, 9), rule), "the most");
  ok(isSettled(modelled, values(1), rule), "a model once");
  ok(
    isSettled(point, values(1, 9), fakeParameters({ repetitions: 2 })),
    "the most before the least",
  );
});

Deno.test("runExperiment() stops at points that are precise", async () => {
  const exact = fakeExperiment(0), samples: Sample[] = [];
  await runExperiment(
    exact,
    fakeParameters({ repetitions: 50, least: 4, warmUp: 0 }),
    fakeContext(),
    {
      keep: (sample) => void samples.push(sample),
    },
  );
  strictEqual(samples.length, 3 * 4 + 1);
});

Deno.test("runExperiment() that was cancelled gives what it has, and goes on to the same set", async () => {
  const settings = { repetitions: 5, precision: 0, warmUp: 1 };
  const whole = await runFake(settings);
  for (const end of [1, 3, 4, 9, 17]) {
    const controller = new AbortController(), kept: Sample[] = [];
    let measured = 0;
    const experiment = fakeExperiment(10, () => {
      if (++measured === end) controller.abort();
    });
    const cut = await runExperiment(
      experiment,
      fakeParameters(settings),
      fakeContext(controller.signal),
      { keep: (sample) => void kept.push(sample) },
    );
    ok(!cut.finished);
    ok(kept.length < end, "what was measured during the abort is not kept");
    strictEqual(cut.rows.filter((row) => row.name === "sum").length, 0);
    const rest = await runFake(settings, kept);
    ok(rest.finished);
    deepStrictEqual(
      [...kept, ...rest.samples].map(identity),
      whole.samples.map(identity),
      "the same measurements in the same order",
    );
    deepStrictEqual(rest.rows.map((row) => row.n), whole.rows.map((row) => row.n));
  }
});

Deno.test("runExperiment() with nothing left to do measures nothing", async () => {
  const { samples } = await runFake({ repetitions: 2 });
  const again = await runFake({ repetitions: 2 }, samples);
  deepStrictEqual(again.order, []);
  ok(again.finished);
});

Deno.test("runExperiment() tells how far it is", async () => {
  const told: ExperimentProgress[] = [];
  await runExperiment(fakeExperiment(), fakeParameters({ repetitions: 3 }), fakeContext(), {
    progress: (progress) => void told.push(progress),
  });
  strictEqual(told.length, 3 + 10);
  strictEqual(told[0]!.phase, "warm-up");
  ok(told[0]!.msLeft! >= 0);
  const last = told.at(-1)!;
  deepStrictEqual([last.done, last.total, last.msLeft], [10, 10, 0]);
  match(last.last, /^split\+polled, x [abc]$/);
});

Deno.test("runExperiment() passes a failure on, and refuses figures that are no numbers", async () => {
  const failing = fakeExperiment(10, () => {
    throw new Error("broken");
  });
  await rejects(runExperiment(failing, fakeParameters(), fakeContext()), /broken/);
  const odd = fakeExperiment(NaN);
  await rejects(runExperiment(odd, fakeParameters(), fakeContext()), /x [abc] gave no speed/);
});
