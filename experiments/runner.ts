/**
 * Runs an experiment: every point once in each round, the rounds in random orders, until each point
 * is precise enough. A host changes its speed while it measures; what is measured side by side meets
 * the same changes.
 */
import { median, shuffle } from "simple-statistics";
import { runError } from "../errors.ts";
import type { JournalSample } from "../runtime/run_journal.ts";
import type { ExperimentRow } from "../runtime/records.ts";
import {
  type Context,
  describePlace,
  type Experiment,
  type Figure,
  type Point,
  pointKey,
  type SamplingParameters,
} from "./experiment.ts";
import { Pace } from "./pace.ts";
import { seededRandom } from "./random.ts";
import { pointRows } from "./rows.ts";
import { medianInterval, relativeHalfWidth } from "./statistics.ts";

/** One repetition at one point. */
export type Sample = JournalSample<readonly Figure[]>;

/** How far an experiment is. */
export interface ExperimentProgress {
  readonly phase: "warm-up" | "measuring";
  /** Measurements made, and the most that may be needed; points that are precise need fewer. */
  readonly done: number;
  readonly total: number;
  /** Milliseconds left at most, as far as the measurements so far tell; absent before the first. */
  readonly msLeft?: number;
  /** What was measured last, for people. */
  readonly last: string;
}

/** What the runner tells and asks, besides measuring. */
export interface RunnerOptions {
  /** Measured before an interruption; their points are not measured again. */
  readonly stored?: readonly Sample[];
  /** Told of each new sample when it is there. */
  readonly keep?: (sample: Sample) => void;
  /** Told after each measurement. */
  readonly progress?: (progress: ExperimentProgress) => void;
}

/** What came of an experiment. */
export interface ExperimentResult {
  /** False when it was cancelled: rows are of what had been measured. */
  readonly finished: boolean;
  readonly rows: ExperimentRow[];
}

/** Separate seeds for what is random. */
const ORDER = 1, WARM_UP_ORDER = 2, STOP_RULE = 3;

/**
 * Whether a point needs no more repetitions.
 *
 * @param samples its figures so far
 */
export function isSettled(
  point: Point,
  samples: readonly (readonly Figure[])[],
  parameters: SamplingParameters,
): boolean {
  const { repetitions, least, precision, seed } = parameters;
  const n = samples.length;
  if (n >= (point.kind === "modelled" ? 1 : repetitions)) return true;
  if (n < Math.max(2, least)) return false;
  const values = samples.map(([watched]) => watched!.value);
  const interval = medianInterval(values, seededRandom(seed, STOP_RULE, n))!;
  return relativeHalfWidth(median(values), interval) <= precision;
}

function checked(figures: readonly Figure[], point: Point): readonly Figure[] {
  const wrong = figures.find((figure) => !Number.isFinite(figure.value));
  if (figures.length > 0 && !wrong) return figures;
  const where = describePlace(point.knobs, point.at);
  throw runError("no-figures", `${where} gave ${wrong ? `no ${wrong.name}` : "no figures"}`);
}

/**
 * Runs an experiment.
 *
 * @param parameters complete
 * @param context its signal ends the experiment: what has been measured is in the result
 */
export async function runExperiment<P extends SamplingParameters>(
  experiment: Experiment<P>,
  parameters: P,
  context: Context,
  { stored = [], keep, progress }: RunnerOptions = {},
): Promise<ExperimentResult> {
  const { seed, warmUp, repetitions } = parameters;
  const points = experiment.points(parameters, context.runtime);
  const samples = new Map<string, (readonly Figure[])[]>(
    points.map((point) => [pointKey(point), []]),
  );
  for (const { point, figures } of stored) samples.get(point)?.push(figures);
  const samplesOf = (point: Point) => samples.get(pointKey(point))!;
  const open = () => points.filter((point) => !isSettled(point, samplesOf(point), parameters));
  const inOrder = (purpose: number, round: number) =>
    shuffle([...points], seededRandom(seed, purpose, round));

  const pace = new Pace();
  let warmUpsLeft = 0;
  const tell = (phase: ExperimentProgress["phase"], last: Point) => {
    const more = new Map(
      open().map((point) => [
        pointKey(point),
        (point.kind === "modelled" ? 1 : repetitions) - samplesOf(point).length,
      ]),
    );
    let done = 0, toDo = 0;
    for (const list of samples.values()) done += list.length;
    for (const count of more.values()) toDo += count;
    const perMeasurement = toDo === 0 ? 0 : (pace.left(more) ?? 0) / toDo;
    progress?.({
      phase,
      done,
      total: done + toDo,
      msLeft: (toDo + warmUpsLeft) * perMeasurement,
      last: describePlace(last.knobs, last.at),
    });
  };
  /** Undefined when the experiment was cancelled meanwhile. */
  const measure = async (point: Point): Promise<readonly Figure[] | undefined> => {
    if (context.signal.aborted) return undefined;
    const before = performance.now();
    try {
      const figures = checked(await experiment.measure(point, parameters, context), point);
      if (context.signal.aborted) return undefined;
      pace.add(pointKey(point), performance.now() - before);
      return figures;
    } catch (error) {
      if (context.signal.aborted) return undefined;
      throw error;
    }
  };

  const rows = (finished: boolean): ExperimentResult => {
    const taken = points.flatMap((point) => pointRows(point, samplesOf(point), seed));
    const derived = finished ? experiment.derive?.(taken, parameters) ?? [] : [];
    return { finished, rows: [...taken, ...derived] };
  };

  const toWarmUp = new Set(open().filter((point) => point.kind === "measured").map(pointKey));
  warmUpsLeft = toWarmUp.size * warmUp;
  for (let round = 0; round < warmUp; round++) {
    for (const point of inOrder(WARM_UP_ORDER, round)) {
      if (!toWarmUp.has(pointKey(point))) continue;
      if (!await measure(point)) return rows(false);
      warmUpsLeft--;
      tell("warm-up", point);
    }
  }
  for (let repetition = 0; open().length > 0; repetition++) {
    for (const point of inOrder(ORDER, repetition)) {
      const own = samplesOf(point);
      if (own.length > repetition || isSettled(point, own, parameters)) continue;
      const figures = await measure(point);
      if (!figures) return rows(false);
      own.push(figures);
      keep?.({ point: pointKey(point), repetition, figures });
      tell("measuring", point);
    }
  }
  return rows(true);
}
