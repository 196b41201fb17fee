/** The dashboard in a browser: what a person sees and does, held against the host. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { readAffinities } from "../../cores/affinity.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Vm } from "../../runtime/vm.ts";
import { browserTest, TestDashboard } from "./support.ts";

const PAGES = ["/", "/guests", "/compare", "/experiments"];
/** Pixels: the smallest telephone, a laptop, a large screen. */
const WIDTHS = [360, 1280, 2560];
const PICTURE = { width: 1000, height: 500 };
/** A chart has something to show then. */
const PICTURE_AFTER_MS = 2000;

/** A guest that computes until it is stopped. */
async function busyGuest(runtime: Runtime): Promise<Vm> {
  const vm = runtime.createVm({
    guest: "compute",
    name: "worker",
    cmdline: "ops=integer n=1000000000000",
  });
  await vm.start();
  return vm;
}

/** Where the thread of a machine's first vCPU may run. */
function coresOfVcpu(vm: Vm): readonly number[] {
  const { thread } = vm.stats().vcpus[0]!;
  return readAffinities().find(({ tid }) => tid === thread)!.cpus;
}

browserTest(
  "every page is accessible, fits its window and says nothing to the console",
  async () => {
    await using dashboard = await TestDashboard.open();
    await using vm = dashboard.runtime.createVm({
      guest: "exits",
      name: "exits",
      notification: "exit",
      cmdline: "ops=in n=1000000000",
    });
    await vm.start();
    const { page } = dashboard;
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      for (const path of PAGES) {
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 900 });
          await dashboard.visit(path);
          const wide = await page.evaluate(() =>
            document.documentElement.scrollWidth - document.documentElement.clientWidth
          );
          strictEqual(wide, 0, `${path} at ${width} pixels`);
        }
        await dashboard.checkAccessible();
        await page.setViewportSize(PICTURE);
        await page.waitForTimeout(PICTURE_AFTER_MS);
        await dashboard.screenshot(`${path.slice(1) || "cores"}-${scheme}`);
      }
    }
    deepStrictEqual(dashboard.errors, []);
  },
);

browserTest("numbers that change move nothing on the page", async () => {
  await using dashboard = await TestDashboard.open();
  await using _vm = await busyGuest(dashboard.runtime);
  const page = await dashboard.visit("/guests");
  await page.locator("[data-vm]").waitFor();
  await page.evaluate(() => {
    const shifts: number[] = [];
    new PerformanceObserver((list) => {
      // deno-lint-ignore no-explicit-any
      for (const entry of list.getEntries()) shifts.push((entry as any).value);
    }).observe({ type: "layout-shift" });
    Object.assign(globalThis, { shifts });
  });
  await page.waitForTimeout(2000);
  // deno-lint-ignore no-explicit-any
  deepStrictEqual(await page.evaluate(() => (globalThis as any).shifts), []);
});

browserTest(
  "a vCPU that is dragged to another core runs there, and undo brings it back",
  async () => {
    await using dashboard = await TestDashboard.open();
    await using vm = await busyGuest(dashboard.runtime);
    const before = coresOfVcpu(vm), [from] = vm.plan.guest, [to] = vm.plan.hypervisor;
    const page = await dashboard.visit("/");
    const chip = page.locator(`[data-cpu="${from}"] .chip[data-role=guest]`);
    await chip.dragTo(page.locator(`[data-cpu="${to}"]`));
    const proposal = page.getByRole("dialog");
    match(await proposal.textContent() ?? "", new RegExp(`vCPU 0: core ${from} to ${to}`));
    match(
      await proposal.getByRole("list", { name: "Effects" }).textContent() ?? "",
      new RegExp(`guest core ${to}: .*hypervisor core ${from}`),
    );
    await proposal.getByRole("button", { name: "Apply" }).click();
    await page.getByText(/moved: .*paused/).waitFor();
    deepStrictEqual(coresOfVcpu(vm), [to]);
    await page.locator(`[data-cpu="${to}"] .chip[data-role=guest]`).waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.locator(`[data-cpu="${from}"] .chip[data-role=guest]`).waitFor();
    deepStrictEqual(coresOfVcpu(vm), before);
  },
);

browserTest("the keyboard alone moves a vCPU", async () => {
  await using dashboard = await TestDashboard.open();
  await using vm = await busyGuest(dashboard.runtime);
  const [from] = vm.plan.guest, [to] = vm.plan.hypervisor;
  const page = await dashboard.visit("/");
  await page.locator(`[data-cpu="${from}"] .chip[data-role=guest]`).focus();
  await page.keyboard.press("Enter");
  await page.locator(`[data-cpu="${to}"]`).getByRole("button", { name: "move here" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Apply" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText(/moved: /).waitFor();
  deepStrictEqual(coresOfVcpu(vm), [to]);
});

browserTest("a plan that cannot be is refused with its reason, and nothing moves", async () => {
  await using dashboard = await TestDashboard.open();
  const { runtime } = dashboard;
  await using vm = runtime.createVm({
    guest: "compute",
    placement: "split",
    vcpus: 2,
    overcommit: true,
    cmdline: "ops=integer n=1000000000000",
  });
  await vm.start();
  const plan = structuredClone(vm.plan), [to] = vm.plan.hypervisor;
  const page = await dashboard.visit("/");
  await page.locator(".chip[data-role=guest]").first().dragTo(page.locator(`[data-cpu="${to}"]`));
  await page.getByText(/It cannot be: .*core/).waitFor();
  ok(await page.getByRole("button", { name: "Apply" }).isDisabled());
  deepStrictEqual(vm.plan, plan);
});

browserTest("a machine made on the page runs, answers on its console and is deleted", async () => {
  await using dashboard = await TestDashboard.open();
  const page = await dashboard.visit("/guests");
  await page.getByText("New machine").click();
  await page.locator("select[name=guest]").selectOption("echo");
  await page.getByLabel("name").fill("parrot");
  await page.getByRole("button", { name: "Create and start" }).click();
  const card = page.getByRole("article", { name: "parrot" });
  await card.getByText("running").waitFor();
  await card.getByRole("button", { name: "console" }).click();
  await card.getByText("console: connected").waitFor();
  await page.keyboard.type("hello there\n");
  await card.locator(".xterm-rows", { hasText: "echo: hello there" }).waitFor();
  await card.getByRole("button", { name: "pause" }).click();
  await card.getByText("paused").waitFor();
  await card.getByRole("button", { name: "resume" }).click();
  await card.getByText("running").waitFor();
  await card.getByRole("button", { name: "delete" }).click();
  await page.getByText("No machine yet.").waitFor();
  strictEqual(dashboard.runtime.vms.length, 0);
  deepStrictEqual(dashboard.errors, []);
});

browserTest("wrong input on the page is answered in one line", async () => {
  await using dashboard = await TestDashboard.open();
  const page = await dashboard.visit("/guests");
  await page.getByText("New machine").click();
  await page.getByLabel("memory").fill("plenty");
  await page.getByRole("button", { name: "Create and start" }).click();
  await page.locator(".notice.bad", { hasText: /memory/ }).waitFor();
});

browserTest("two points of the matrix are run and shown side by side", async () => {
  await using dashboard = await TestDashboard.open();
  const page = await dashboard.visit("/compare");
  await page.locator("select").first().selectOption("hello");
  await page.getByRole("button", { name: "Run both" }).click();
  await page.getByRole("region", { name: "same-core, exit" }).getByText("code 0").waitFor();
  await page.getByRole("region", { name: "split, polled" }).getByText("code 0").waitFor();
  await dashboard.screenshot("compare-done");
  strictEqual(dashboard.runtime.vms.length, 0);
});

browserTest("an experiment runs from its form to its plots", async () => {
  await using dashboard = await TestDashboard.open();
  const page = await dashboard.visit("/experiments");
  const form = page.getByRole("article", { name: "placement" });
  for (const [name, value] of [["repetitions", "1"], ["warmUp", "0"], ["bytes", "1M"]] as const) {
    const field = form.locator(`input[name=${name}]`);
    if (await field.count() > 0) await field.fill(value);
  }
  await form.getByRole("button", { name: "Start" }).click();
  const job = page.locator("[data-job]").first();
  await job.locator(".state[data-state=done]").waitFor();
  await job.getByRole("link", { name: "result" }).click();
  await page.locator(".kind[data-kind=measured]").first().waitFor();
  await dashboard.screenshot("run");
  await page.getByRole("link", { name: "Report with plots" }).click();
  await page.locator("figure svg").first().waitFor();
  await dashboard.screenshot("report");
});
