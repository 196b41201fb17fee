/** Experiments that somebody starts and watches from elsewhere: one at a time, in this runtime. */
import { z } from "zod";
import { runError } from "../errors.ts";
import type { ExperimentCatalogue } from "../runtime/api/context.ts";
import type { Experiment as Described, ExperimentJob as JobState } from "../runtime/api/schemas.ts";
import { parseWith } from "../runtime/config.ts";
import { describeHost, experimentRecordSchema } from "../runtime/records.ts";
import type { RunStore } from "../runtime/run_store.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { EXPERIMENTS, findExperiment } from "./catalogue.ts";
import type { Experiment, SamplingParameters } from "./experiment.ts";
import { runExperiment } from "./runner.ts";

/** Jobs that are remembered. */
const MOST_JOBS = 50;

interface Job {
  state: JobState;
  readonly ending: AbortController;
  over: Promise<void>;
}

/** See the head of this file. */
export class ExperimentJobs implements ExperimentCatalogue, AsyncDisposable {
  readonly #runtime: Runtime;
  readonly #store: RunStore | undefined;
  /** The newest first. */
  readonly #jobs: Job[] = [];
  #nextId = 1;

  /** @param store keeps what they find; without one a job has no record */
  constructor(runtime: Runtime, store: RunStore | undefined) {
    this.#runtime = runtime;
    this.#store = store;
  }

  list(): Described[] {
    return EXPERIMENTS.map(({ name, title, parameters }) => ({
      name,
      title,
      description: title,
      parameters: z.toJSONSchema(parameters, { io: "input" }) as Record<string, unknown>,
    }));
  }

  jobs(): JobState[] {
    return this.#jobs.map(({ state }) => state);
  }

  start(name: string, given: Readonly<Record<string, unknown>>): JobState {
    const experiment = findExperiment(name);
    const parameters = parseWith(experiment.parameters, given, `parameters of ${name}`);
    experiment.points(parameters, this.#runtime); // a wrong parameter is found here
    const running = this.#jobs.find(({ state }) => state.state === "running");
    if (running) {
      throw runError("bad-state", `${running.state.experiment} runs: two would disturb each other`);
    }
    const job: Job = {
      state: {
        id: String(this.#nextId++),
        experiment: name,
        state: "running",
        progress: 0,
        message: "",
        startedAt: new Date().toISOString(),
      },
      ending: new AbortController(),
      over: Promise.resolve(),
    };
    this.#jobs.unshift(job);
    this.#jobs.length = Math.min(this.#jobs.length, MOST_JOBS);
    job.over = this.#run(job, experiment, parameters);
    return job.state;
  }

  async cancel(id: string): Promise<void> {
    const job = this.#jobs.find(({ state }) => state.id === id);
    job?.ending.abort();
    await job?.over;
  }

  /** Cancels what runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { state } of this.#jobs) await this.cancel(state.id);
  }

  async #run(
    job: Job,
    experiment: Experiment,
    parameters: SamplingParameters,
  ): Promise<void> {
    const tell = (state: Partial<JobState>) => job.state = { ...job.state, ...state };
    const end = (state: Partial<JobState>) => {
      const { secondsLeft: _, ...ended } = job.state;
      job.state = { ...ended, endedAt: new Date().toISOString(), ...state };
    };
    const context = { runtime: this.#runtime, signal: job.ending.signal };
    try {
      const { finished, rows } = await runExperiment(experiment, parameters, context, {
        progress: ({ phase, done, total, msLeft, last }) => {
          tell({
            progress: done / total,
            message: `${phase}: ${last}`,
            ...(msLeft === undefined ? {} : { secondsLeft: Math.ceil(msLeft / 1000) }),
          });
        },
      });
      if (!finished) return void end({ state: "cancelled", message: "cancelled" });
      const record = experimentRecordSchema.parse({
        schema: "splitx.experiment/1",
        name: experiment.name,
        host: describeHost(this.#runtime),
        parameters,
        rows,
      });
      const run = this.#store?.add(record);
      const message = experiment.summary(rows).join(" ");
      end({ state: "done", progress: 1, message, ...(run === undefined ? {} : { run }) });
    } catch (error) {
      end({ state: "failed", message: (error as Error).message });
    }
  }
}
