/** Experiments as forms, those that run with their progress, and what came of those before. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { createClient, type Schemas } from "../../runtime/api/client.ts";
import { duration, percent } from "../components/format.ts";
import { type Fields, fieldsOf, valuesOf } from "./parameter_form.ts";

type Experiment = Schemas["Experiment"];
type Job = Schemas["ExperimentJob"];

export interface ExperimentsProps {
  readonly experiments: readonly Experiment[];
}

const LOOK_MS = 500;
const api = createClient();

export function Experiments({ experiments }: ExperimentsProps) {
  const jobs = useSignal<readonly Job[]>([]), problem = useSignal("");
  const read = async () => {
    const { data } = await api.GET("/api/experiments");
    if (data) jobs.value = data.jobs;
  };
  const running = jobs.value.some((job) => job.state === "running");
  useEffect(() => void read(), []);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => void read(), LOOK_MS);
    return () => clearInterval(timer);
  }, [running]);
  const start = async (name: string, parameters: Record<string, unknown>) => {
    const { error } = await api.POST("/api/experiments", { body: { name, parameters } });
    problem.value = error?.detail ?? "";
    await read();
  };
  const cancel = async (id: string) => {
    await api.DELETE("/api/experiments/{id}", { params: { path: { id } } });
    await read();
  };
  return (
    <div>
      <p class="notice bad" role="status">{problem.value}</p>
      <div class="cards">
        {experiments.map((one) => (
          <ExperimentForm
            experiment={one}
            busy={running}
            start={(values) => start(one.name, values)}
          />
        ))}
      </div>
      <h2>Started here</h2>
      {jobs.value.length === 0 && <p class="quiet">None yet.</p>}
      <div class="cards">
        {jobs.value.map((job) => (
          <article class="card" key={job.id} data-job={job.id}>
            <header>
              <h2>{job.experiment}</h2>
              <span class="state" data-state={job.state}>{job.state}</span>
            </header>
            <progress value={job.progress} max={1} aria-label="Progress" />
            <p class="quiet">
              {percent(job.progress)}
              {job.secondsLeft !== undefined && `, at most ${duration(job.secondsLeft)} left`}
            </p>
            <p class="quiet">{job.message}</p>
            <div class="actions">
              {job.state === "running" && (
                <button type="button" onClick={() => void cancel(job.id)}>cancel</button>
              )}
              {job.run !== undefined && <a class="button" href={`/runs/${job.run}`}>result</a>}
            </div>
          </article>
        ))}
      </div>
    </div>
  );
}

interface FormProps {
  readonly experiment: Experiment;
  readonly busy: boolean;
  readonly start: (values: Record<string, unknown>) => Promise<void>;
}

function ExperimentForm({ experiment, busy, start }: FormProps) {
  const fields: Fields = fieldsOf(experiment.parameters);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void start(valuesOf(fields, new FormData(event.currentTarget as HTMLFormElement)));
  };
  return (
    <article class="card" aria-label={experiment.name}>
      <h2>{experiment.name}</h2>
      <p>{experiment.title}</p>
      <form onSubmit={submit}>
        <div class="fields">
          {fields.map(({ name, description, kind, choices, initial, least, most }) => (
            <label class="field" title={description}>
              {name}
              {choices
                ? (
                  <select name={name}>
                    {choices.map((choice) => (
                      <option key={choice} selected={choice === initial}>{choice}</option>
                    ))}
                  </select>
                )
                : (
                  kind === "number"
                    ? (
                      <input
                        name={name}
                        type="number"
                        defaultValue={initial}
                        step="any"
                        {...(least === undefined ? {} : { min: least })}
                        {...(most === undefined ? {} : { max: most })}
                      />
                    )
                    : <input name={name} defaultValue={initial} />
                )}
            </label>
          ))}
        </div>
        <div class="actions">
          <button type="submit" class="primary" disabled={busy}>Start</button>
        </div>
      </form>
    </article>
  );
}
