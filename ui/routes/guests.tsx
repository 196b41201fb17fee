/** The machines. */
import { GuestCardsIsland } from "../components/islands.ts";
import { Layout } from "../components/Layout.tsx";
import { answered, type Route } from "../_server/route.ts";

export const guests: Route = async ({ api }) => ({
  title: "Guests",
  content: (
    <Layout path="/guests" heading="Guests">
      <GuestCardsIsland guests={answered(await api.GET("/api/guests"))} />
    </Layout>
  ),
});
