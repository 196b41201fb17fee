/** Which two runs a page compares when it is told one of them, or none. */

/** The schema of records of experiments. */
export const EXPERIMENT_RECORD = "splitx.experiment/1";

/** A run as a list of records has it. */
export interface ListedRun {
  readonly id: number;
  readonly name: string;
  readonly at: string;
}

/** Two runs by their numbers; differences are b less a. */
export interface RunChoice {
  readonly a: number;
  readonly b: number;
}

/** What a run is compared with: the one before it of its experiment, else the newest other. */
function partnerOf(runs: readonly ListedRun[], id: number): number | undefined {
  const name = runs.find((run) => run.id === id)?.name;
  const others = runs.filter((run) => run.name === name && run.id !== id);
  return (others.find((run) => run.id < id) ?? others[0])?.id;
}

/**
 * Chooses two runs.
 *
 * @param runs of experiments, newest first
 * @param a number that was asked for, if any
 * @param b the same
 * @returns undefined when there is nothing to compare with
 */
export function chooseRuns(
  runs: readonly ListedRun[],
  a: number | undefined,
  b: number | undefined,
): RunChoice | undefined {
  if (a !== undefined && b !== undefined) return { a, b };
  const known = a ?? b ?? runs.find(({ id }) => partnerOf(runs, id) !== undefined)?.id;
  const partner = known === undefined ? undefined : partnerOf(runs, known);
  if (known === undefined || partner === undefined) return undefined;
  return a === undefined ? { a: partner, b: known } : { a: known, b: partner };
}

/** Runs by their experiment, in the list's order. */
export function byExperiment(runs: readonly ListedRun[]): [string, ListedRun[]][] {
  return [...Map.groupBy(runs, (run) => run.name)];
}
