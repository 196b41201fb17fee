/** One record: its rows, measured and modelled told apart. */
import { Layout } from "../components/Layout.tsx";
import { RowTable } from "../components/RowTable.tsx";
import { answered, type Route } from "../_server/route.ts";

export const run: Route = async ({ api, id }) => {
  const { record, at } = answered(await api.GET("/api/runs/{id}", { params: { path: { id } } }));
  const data = `data:application/json,${encodeURIComponent(JSON.stringify(record))}`;
  return {
    title: record.name,
    content: (
      <Layout path="/experiments" heading={record.name}>
        <p class="quiet">{at}, on {record.host.cpu}</p>
        {record.schema === "splitx.experiment/1" && (
          <p>
            <a href={`/api/runs/${id}/report`}>Report with plots</a>
          </p>
        )}
        <RowTable rows={record.rows} />
        <p>
          <a href={data} download={`${record.name}-${id}.json`}>JSON</a>
        </p>
      </Layout>
    ),
  };
};
