/** The experiments that there are. */
import { usageError } from "../errors.ts";
import type { Experiment } from "./experiment.ts";
import { type ParameterSchema, parameterSchemas } from "./parameters.ts";
import { placement } from "./placement.ts";
import { splitx } from "./splitx/splitx.ts";

/** In the order in which people read them. */
export const EXPERIMENTS: readonly Experiment[] = [splitx, placement];

/** An experiment as a list shows it, and what a form for its parameters is made of. */
export interface ExperimentDescription {
  readonly name: string;
  readonly title: string;
  readonly parameters: Readonly<Record<string, ParameterSchema>>;
}

/** Describes every experiment. */
export function describeExperiments(): ExperimentDescription[] {
  return EXPERIMENTS.map((experiment) => ({
    name: experiment.name,
    title: experiment.title,
    parameters: parameterSchemas(experiment),
  }));
}

/**
 * Finds an experiment.
 *
 * @throws SplitXError `bad-experiment` when there is none of that name
 */
export function findExperiment(name: string): Experiment {
  const found = EXPERIMENTS.find((experiment) => experiment.name === name);
  if (found) return found;
  const known = EXPERIMENTS.map((experiment) => experiment.name).join(", ");
  throw usageError("bad-experiment", `there is no experiment "${name}"; there are: ${known}`);
}
