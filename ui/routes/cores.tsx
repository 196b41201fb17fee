/** Every host core and what runs on it. */
import { CoreMapIsland } from "../components/islands.ts";
import { Layout } from "../components/Layout.tsx";
import { answered, type Route } from "../_server/route.ts";

export const cores: Route = async ({ api }) => {
  const { host, cores } = answered(await api.GET("/api/host"));
  return {
    title: "Cores",
    content: (
      <Layout path="/" heading="Cores">
        <p class="quiet">{host.cpu}, Linux {host.kernel}</p>
        <CoreMapIsland cores={cores} simulated={false} />
      </Layout>
    ),
  };
};
