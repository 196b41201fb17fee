/** One guest at two points of the matrix. */
import { ComparisonIsland } from "../components/islands.ts";
import { Layout } from "../components/Layout.tsx";
import { answered, type Route } from "../_server/route.ts";

export const compare: Route = async ({ api }) => {
  const { bundled } = answered(await api.GET("/api/guests"));
  const names = bundled.filter(({ kind }) => kind === "micro").map(({ name }) => name);
  return {
    title: "Compare",
    content: (
      <Layout path="/compare" heading="The same guest at two points">
        <ComparisonIsland guests={names} />
      </Layout>
    ),
  };
};
