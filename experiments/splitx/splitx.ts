/** The claims of the SplitX paper, measured here and modelled with the constants of its machine. */
import type { Experiment, Point, Sweep } from "../experiment.ts";
import { exitCost } from "./exit_cost.ts";
import { overhead } from "./overhead.ts";
import { PARTS, type SplitxParameters, splitxSchema } from "./parameters.ts";
import { sharedCore } from "./shared_core.ts";

const SWEEPS: Readonly<Record<typeof PARTS[number], Sweep<SplitxParameters>>> = {
  exits: exitCost,
  overhead,
  guests: sharedCore,
};

/** The part whose points have such places. */
function sweepOf(point: Point): Sweep<SplitxParameters> {
  if ("exit" in point.at) return SWEEPS.exits;
  return "way" in point.at ? SWEEPS.overhead : SWEEPS.guests;
}

const chosen = ({ parts }: SplitxParameters) => PARTS.filter((part) => parts.includes(part));
const all = Object.values(SWEEPS);

/** See the head of this file. */
export const splitx: Experiment<SplitxParameters> = {
  name: "splitx",
  title: "what exits cost, what they cost the guest after them, and what splitting saves",
  parameters: splitxSchema,
  points: (parameters, runtime) =>
    chosen(parameters).flatMap((part) => SWEEPS[part].points(parameters, runtime)),
  measure: (point, parameters, context) => sweepOf(point).measure(point, parameters, context),
  derive: (rows, parameters) =>
    chosen(parameters).flatMap((part) => SWEEPS[part].derive?.(rows, parameters) ?? []),
  charts: (rows) => all.flatMap((sweep) => sweep.charts(rows)),
  summary: (rows) => all.flatMap((sweep) => sweep.summary(rows)),
};
