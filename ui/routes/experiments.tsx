/** Experiments, and the records of those that ran. */
import { ExperimentsIsland } from "../components/islands.ts";
import { Layout } from "../components/Layout.tsx";
import { EXPERIMENT_RECORD } from "../components/run_choice.ts";
import { answered, type Route } from "../_server/route.ts";

export const experiments: Route = async ({ api }) => {
  const { experiments } = answered(await api.GET("/api/experiments"));
  const { runs } = answered(await api.GET("/api/runs"));
  return {
    title: "Experiments",
    content: (
      <Layout path="/experiments" heading="Experiments">
        <ExperimentsIsland experiments={experiments} />
        <h2>Records</h2>
        <p>
          <a href="/runs/compare">Compare two runs of an experiment</a>
        </p>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th class="figure">run</th>
                <th>name</th>
                <th>kind</th>
                <th>when</th>
                <th class="figure">rows</th>
                <td></td>
              </tr>
            </thead>
            <tbody>
              {runs.map(({ id, name, schema, at, rows }) => (
                <tr key={id}>
                  <td class="figure">{id}</td>
                  <td>
                    <a href={`/runs/${id}`}>{name}</a>
                  </td>
                  <td>{schema}</td>
                  <td>{at}</td>
                  <td class="figure">{rows}</td>
                  <td>
                    {schema === EXPERIMENT_RECORD && (
                      <a href={`/runs/compare?b=${id}`} aria-label={`compare run ${id}`}>compare</a>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Layout>
    ),
  };
};
