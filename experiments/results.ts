/** What the API shows of the records of experiments: reports, pictures and comparisons. */
import { usageError } from "../errors.ts";
import type { ExperimentResults } from "../runtime/api/context.ts";
import {
  type ExperimentRecord,
  experimentRecordSchema,
  type KeptRecord,
} from "../runtime/records.ts";
import type { StoredRun } from "../runtime/run_store.ts";
import { EXPERIMENTS } from "./catalogue.ts";
import { compareRuns } from "./compare.ts";
import type { Experiment } from "./experiment.ts";

interface Known {
  readonly experiment: Experiment;
  readonly record: ExperimentRecord;
}

function known(record: KeptRecord): Known | undefined {
  if (record.schema !== "splitx.experiment/1") return undefined;
  const experiment = EXPERIMENTS.find(({ name }) => name === record.name);
  return experiment && { experiment, record: experimentRecordSchema.parse(record) };
}

function experimentRun({ id, at, record }: StoredRun): StoredRun<ExperimentRecord> {
  if (record.schema === "splitx.experiment/1") {
    return { id, at, record: experimentRecordSchema.parse(record) };
  }
  throw usageError("bad-comparison", `run ${id} is of no experiment`);
}

/** See the head of this file. Drawing takes longer to load than all the rest, so it is loaded late. */
export const experimentResults: ExperimentResults = {
  async report(record, at) {
    const found = known(record);
    if (!found) return undefined;
    const { reportOf } = await import("./report.ts");
    return reportOf(found.experiment, found.record, at);
  },

  async figures(record) {
    const found = known(record);
    if (!found) return undefined;
    const { experiment, record: { rows } } = found;
    const { drawFigure } = await import("./figure.ts");
    return {
      summary: experiment.summary(rows),
      figures: experiment.charts(rows).map((chart) => ({
        title: chart.title,
        svg: drawFigure(chart).toString(),
      })),
    };
  },

  compare: async (a, b) => await compareRuns(experimentRun(a), experimentRun(b)),
};
