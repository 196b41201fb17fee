/** Adaptive roles on the page: switched on, with their decisions. */
import { deepStrictEqual, strictEqual } from "node:assert";
import { browserTest, TestDashboard } from "./support.ts";

browserTest("adaptive roles are switched on, show their decisions, and go off again", async () => {
  await using dashboard = await TestDashboard.open();
  const { runtime } = dashboard;
  await using vm = runtime.createVm({ guest: "crash", cmdline: "do=loop" });
  await vm.start();
  const page = await dashboard.visit("/");
  await page.getByText("Adaptive roles: off").click();
  await page.getByLabel("host cores at least").fill("2");
  await page.getByLabel("looks in a row").fill("1");
  await page.getByRole("checkbox", { name: "on", exact: true }).check();
  await page.getByText("Adaptive roles: on").waitFor();
  strictEqual(runtime.adaptive.state.settings.least, 2);
  const decision = page.locator("[data-decision=add]");
  await decision.getByText(/refused: no host core has several hypervisor cores/).waitFor();
  await page.getByText(/^core \d+ \d+ % busy\. Last look: /).waitFor();
  await decision.getByText(/\(\d+ times\)/).waitFor();
  strictEqual(await decision.count(), 1);
  await dashboard.checkAccessible();
  await dashboard.screenshot("adaptive");

  await page.getByLabel("one more above").fill("10");
  await page.getByRole("button", { name: "Set" }).click();
  await page.getByText(/removeBelow must be less than addAbove/).waitFor();
  strictEqual(runtime.adaptive.state.settings.addAbove, 0.8);
  await page.getByLabel("one more above").fill("90");
  await page.getByRole("checkbox", { name: "on", exact: true }).uncheck();
  await page.getByText("Adaptive roles: off").waitFor();
  strictEqual(runtime.adaptive.state.settings.addAbove, 0.9);
  strictEqual(runtime.adaptive.state.settings.enabled, false);
  deepStrictEqual(dashboard.errors.filter((line) => !line.includes("422")), []);
});
