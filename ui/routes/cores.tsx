/** Every host core and what runs on it. */
import { AdaptiveRolesIsland, CoreMapIsland, PlanTrialIsland } from "../components/islands.ts";
import { Layout } from "../components/Layout.tsx";
import { answered, type Route } from "../_server/route.ts";

export const cores: Route = async ({ api }) => {
  const { host, cores, simulated } = answered(await api.GET("/api/host"));
  const adaptive = answered(await api.GET("/api/adaptive"));
  return {
    title: "Cores",
    content: (
      <Layout path="/" heading="Cores">
        {simulated
          ? (
            <p>
              <span class="simulated">simulated</span> A host of {cores.length}{" "}
              cores that a file describes: nothing runs on it.
            </p>
          )
          : <p class="quiet">{host.cpu}, Linux {host.kernel}</p>}
        <div class="stack">
          <PlanTrialIsland open={simulated} />
          {!simulated && <AdaptiveRolesIsland initial={adaptive} />}
          <CoreMapIsland cores={cores} />
        </div>
      </Layout>
    ),
  };
};
