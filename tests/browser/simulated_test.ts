/** A host of 256 cores that is only described: its map, and plans tried on it. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { simulatedTopologySchema, simulateTopology } from "../../cores/simulated_topology.ts";
import type { Topology } from "../../cores/topology.ts";
import { browserTest, TestDashboard } from "./support.ts";

const CORES = 256, NODES = 4;
/** Pixels: the smallest telephone, a large screen. */
const WIDTHS = [360, 2560];

/** Two packages of two nodes each; core n and n + 128 are siblings, eight of them share a cache. */
function bigHost(): Topology {
  return simulateTopology(simulatedTopologySchema.parse({
    cores: Array.from({ length: CORES }, (_, cpu) => {
      const core = cpu % (CORES / 2), node = Math.floor(core * NODES / (CORES / 2));
      return { cpu, core, package: node >> 1, node, cache: core >> 3, cacheBytes: 32 << 20 };
    }),
  }));
}

browserTest("256 cores are drawn by node, package and SMT pair, marked simulated", async () => {
  await using dashboard = await TestDashboard.open({ topology: bigHost() });
  const { page } = dashboard;
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    await dashboard.visit("/");
    strictEqual(await page.locator(".core").count(), CORES);
    strictEqual(await page.locator(".node").count(), NODES);
    deepStrictEqual(
      await page.locator(".node .package > p").allTextContents(),
      ["Package 0", "Package 0", "Package 1", "Package 1"],
    );
    deepStrictEqual(
      await page.locator(".pair").first().locator(".core").evaluateAll((cores) =>
        cores.map((core) => (core as HTMLElement).dataset.cpu)
      ),
      ["0", "128"],
    );
    await page.getByText("simulated", { exact: true }).waitFor();
    const { wide, high } = await page.evaluate(() => {
      const { scrollWidth, clientWidth, scrollHeight } = document.documentElement;
      return { wide: scrollWidth - clientWidth, high: scrollHeight };
    });
    strictEqual(wide, 0, `at ${width} pixels`);
    ok(high < 8000, `${high} pixels high at ${width}`);
    const shares = await page.locator(".core .share-text").allTextContents();
    deepStrictEqual(new Set(shares), new Set(["busy 0 %, spin 0 %"]));
    await dashboard.checkAccessible();
    await dashboard.screenshot(`simulated-${width}`);
  }
  deepStrictEqual(dashboard.errors, []);
});

browserTest(
  "a plan is tried on 256 cores: its roles stand on the map with their letters",
  async () => {
    await using dashboard = await TestDashboard.open({ topology: bigHost() });
    const page = await dashboard.visit("/");
    const map = page.locator(".map");
    const letters = (letter: string) => map.locator(".chip[data-tried] b", { hasText: letter });
    await page.getByLabel("vCPUs").fill("80");
    await page.getByLabel("hypervisor cores").fill("2");
    await page.keyboard.press("Enter");
    await letters("G").first().waitFor();
    deepStrictEqual(
      await Promise.all(["G", "H", "K"].map((letter) => letters(letter).count())),
      [80, 2, 1],
    );
    strictEqual(await map.locator('[data-cpu="0"] .chip[data-role=housekeeping]').count(), 1);
    strictEqual(await map.locator('[data-cpu="1"] .chip[data-role=hypervisor]').count(), 1);
    strictEqual(await map.locator('.core[data-cpu="129"] .chip').count(), 0, "its sibling is left");
    const effects = await page.getByRole("list", { name: "Effects" }).textContent() ?? "";
    match(effects, /on another NUMA node than hypervisor core 1/);
    match(effects, /last-level cache in common with hypervisor core 1/);
    await dashboard.checkAccessible();
    await dashboard.screenshot("simulated-plan");

    await page.getByLabel("vCPUs").fill("256");
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByText(/It cannot be: more roles than cores: 256 guest/).waitFor();
    strictEqual(await letters("G").count(), 0);
    await page.getByLabel("vCPUs").fill("1");
    await page.getByLabel("placement").selectOption("same-core");
    await page.getByRole("button", { name: "Preview" }).click();
    await letters("G").waitFor();
    strictEqual(await letters("H").count(), 0);
    await page.getByRole("button", { name: "Clear" }).click();
    await letters("G").waitFor({ state: "detached" });
    strictEqual(dashboard.runtime.vms.length, 0);
    deepStrictEqual(dashboard.errors, []);
  },
);
