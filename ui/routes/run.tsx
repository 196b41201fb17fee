/** One record: its rows, measured and modelled told apart, and what an experiment shows. */
import { Layout } from "../components/Layout.tsx";
import { moment } from "../components/format.ts";
import { Pictures } from "../components/Pictures.tsx";
import { RowTable } from "../components/RowTable.tsx";
import { EXPERIMENT_RECORD } from "../components/run_choice.ts";
import { answered, type Route } from "../_server/route.ts";

export const run: Route = async ({ api, id }) => {
  const params = { path: { id } };
  const { record, at } = answered(await api.GET("/api/runs/{id}", { params }));
  const isExperiment = record.schema === EXPERIMENT_RECORD;
  // An experiment that is no longer known has rows, but no pictures.
  const shown = isExperiment
    ? (await api.GET("/api/runs/{id}/figures", { params })).data
    : undefined;
  const file = `${record.name}-${id}`;
  return {
    title: `${record.name}, run ${id}`,
    content: (
      <Layout path="/experiments" heading={`${record.name}, run ${id}`}>
        <p class="quiet">{moment(at)}, on {record.host.cpu}</p>
        <p class="links">
          {shown && <a href={`/api/runs/${id}/report`}>Report with plots</a>}
          {isExperiment && <a href={`/runs/compare?b=${id}`}>Compare with another run</a>}
          <a href={`/api/runs/${id}/csv`} download={`${file}.csv`}>Rows as CSV</a>
          <a href={`/api/runs/${id}`} download={`${file}.json`}>Record as JSON</a>
        </p>
        {shown && (
          <>
            <ul>{shown.summary.map((sentence) => <li key={sentence}>{sentence}</li>)}</ul>
            <Pictures figures={shown.figures} file={file} />
          </>
        )}
        <RowTable rows={record.rows} />
      </Layout>
    ),
  };
};
