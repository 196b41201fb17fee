/** Two runs of an experiment: what differs, by how much, and how sure that is. */
import type { Schemas } from "../../runtime/api/client.ts";
import { ComparisonTable } from "../components/ComparisonTable.tsx";
import { Layout } from "../components/Layout.tsx";
import { moment } from "../components/format.ts";
import { chooseRuns, EXPERIMENT_RECORD } from "../components/run_choice.ts";
import { RunPicker } from "../components/RunPicker.tsx";
import { answered, type Route } from "../_server/route.ts";

/** Runs that can be picked: as many as the API lists at once. */
const LISTED = 200;

/** A number of the query; one that is none is for the API to refuse. */
function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  return text === null ? undefined : Number(text);
}

export const compareRuns: Route = async ({ api, query }) => {
  const listed = { schema: EXPERIMENT_RECORD, limit: LISTED } as const;
  const { runs } = answered(await api.GET("/api/runs", { params: { query: listed } }));
  const chosen = chooseRuns(runs, numberIn(query, "a"), numberIn(query, "b"));
  const { data, error } = chosen
    ? await api.GET("/api/runs/compare", { params: { query: chosen } })
    : {};
  return {
    title: "Compare runs",
    content: (
      <Layout path="/experiments" heading="Two runs of an experiment">
        <RunPicker runs={runs} chosen={chosen} />
        {error && <p class="bad">{error.detail}</p>}
        {!chosen && <p>There is no other run of the experiment to compare with.</p>}
        {data && <Differences {...data} />}
      </Layout>
    ),
  };
};

function Differences(comparison: Schemas["Comparison"]) {
  const { name, a, b, rows, unmatched } = comparison;
  const count = (verdict: typeof rows[number]["verdict"]) =>
    rows.filter((row) => row.verdict === verdict).length;
  return (
    <section aria-labelledby="differences">
      <h2 id="differences">{name}: run {b.run} against run {a.run}</h2>
      <ul>
        {[a, b].map(({ run, at, host }) => (
          <li key={run}>
            <a href={`/runs/${run}`}>run {run}</a>{" "}
            <span class="quiet">{moment(at)}, on {host.cpu}, cores {host.cores}</span>
          </li>
        ))}
      </ul>
      <p>
        {rows.length} figures: {count("higher")} higher, {count("lower")} lower,{" "}
        {count("no difference seen")} without a difference seen; {unmatched} in one run only.
      </p>
      <p class="quiet">
        <span class="kind" data-kind="measured">measured</span>{" "}
        figures differ when the 95 % interval leaves out 0 and p is below 0.05; with many figures,
        some do by chance. <span class="kind" data-kind="modelled">modelled</span>{" "}
        ones are the same in every run of a model: each difference is one of the models.
      </p>
      <ComparisonTable {...comparison} />
      <p class="links">
        <a
          href={`/api/runs/compare?a=${a.run}&b=${b.run}`}
          download={`${name}-${a.run}-${b.run}.json`}
        >
          Comparison as JSON
        </a>
      </p>
    </section>
  );
}
