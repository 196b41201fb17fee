/** The dashboard in a browser: what a person sees and does, held against the host. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import type { Page } from "playwright-core";
import { readAffinities } from "../../cores/affinity.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Vm } from "../../runtime/vm.ts";
import { eventually, noise, TempFile } from "../support.ts";
import { browserTest, TestDashboard } from "./support.ts";

const PAGES = ["/", "/guests", "/compare", "/experiments", "/runs/compare"];
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

/** Layout shifts of the next while. */
async function shiftsIn(page: Page, milliseconds: number): Promise<number[]> {
  await page.evaluate(() => {
    const shifts: number[] = [];
    new PerformanceObserver((list) => {
      // deno-lint-ignore no-explicit-any
      for (const entry of list.getEntries()) shifts.push((entry as any).value);
    }).observe({ type: "layout-shift" });
    Object.assign(globalThis, { shifts });
  });
  await page.waitForTimeout(milliseconds);
  // deno-lint-ignore no-explicit-any
  return await page.evaluate(() => (globalThis as any).shifts);
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
        await dashboard.checkLayout(path);
        await page.setViewportSize(PICTURE);
        await page.waitForTimeout(PICTURE_AFTER_MS);
        await dashboard.screenshot(`${path.slice(1).replaceAll("/", "-") || "cores"}-${scheme}`);
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
  deepStrictEqual(await shiftsIn(page, 2000), []);
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

browserTest("a running guest's waits are shown by reason, in bars and in words", async () => {
  await using dashboard = await TestDashboard.open();
  using disk = new TempFile(noise(1 << 20));
  await using vm = dashboard.runtime.createVm({
    guest: "blk",
    name: "reader",
    disk: disk.path,
    cmdline: "n=1000000000 depth=4",
  });
  await vm.start();
  const page = await dashboard.visit("/guests");
  const card = page.getByRole("article", { name: "reader" });
  await card.getByRole("button", { name: "latency" }).focus();
  await page.keyboard.press("Enter");
  const panel = card.getByRole("region", { name: "Latency" });
  await panel.getByRole("img", { name: /: .* waits, half of them up to / }).waitFor();
  await panel.locator("select").selectOption("io");
  await panel.getByRole("img", { name: /^io: / }).waitFor();
  await panel.locator("select").selectOption("ept-violation");
  await panel.getByRole("img", { name: /^ept-violation: / }).waitFor();
  await panel.getByText("as a table").click();
  const rows = panel.locator("tbody tr");
  match(await rows.first().textContent() ?? "", /^\d.*s to .*s\d+$/);
  const shown = await rows.count(), { counts } = vm.latency().exits["ept-violation"]!;
  ok(shown > 0 && shown <= counts.filter((count) => count > 0).length);
  await dashboard.checkWidths();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await dashboard.checkAccessible();
    await page.setViewportSize(PICTURE);
    await dashboard.screenshot(`latency-${colorScheme}`);
  }
  deepStrictEqual(await shiftsIn(page, 2500), []);
  await panel.locator("dd").evaluateAll((all) => {
    for (const one of all) one.textContent = "999.99 ms";
  });
  await dashboard.checkWidths();
  deepStrictEqual(dashboard.errors, []);
});

browserTest(
  "a knob on the page switches the machine, and one that is fixed is not offered",
  async () => {
    await using dashboard = await TestDashboard.open();
    await using vm = await busyGuest(dashboard.runtime);
    await using _fixed = dashboard.runtime.createVm({
      guest: "hello",
      name: "modelled",
      engine: "soft",
      clock: "virtual",
      overcommit: true,
    });
    const page = await dashboard.visit("/guests");
    const knob = (name: string) => page.getByRole("article", { name }).getByLabel("notification");
    await knob("worker").selectOption("exit");
    await page.waitForFunction(() =>
      document.querySelector<HTMLSelectElement>("[aria-label=worker] select")?.value === "exit"
    );
    await eventually("it is switched", () => vm.config.notification === "exit");
    ok(await knob("modelled").isDisabled());
  },
);

browserTest("a machine that failed tells its last exit, and what nothing answered", async () => {
  await using dashboard = await TestDashboard.open();
  await using vm = dashboard.runtime.createVm({
    guest: "crash",
    name: "crash",
    cmdline: "do=triple",
  });
  const page = await dashboard.visit("/guests");
  await vm.start();
  const card = page.getByRole("article", { name: "crash" });
  await card.getByText("failed").waitFor();
  const { lastExit } = await vm.ended;
  const rip = `0x${lastExit!.rip.toString(16)}`;
  match(await card.getByLabel("Last exit").textContent() ?? "", new RegExp(`triple-fault.*${rip}`));
  await using wild = dashboard.runtime.createVm({
    guest: "pace",
    name: "wild",
    overcommit: true,
    cmdline: "event=mmio ms=1000000000",
  });
  await wild.start();
  const faults = page.getByRole("article", { name: "wild" }).getByRole("list", { name: "Faults" });
  await faults.locator("li.bad", { hasText: "unmapped memory" }).waitFor();
  match(await faults.textContent() ?? "", /^0 wild ports/);
  await dashboard.checkAccessible();
});

browserTest("what is typed into a form stays while machines come", async () => {
  await using dashboard = await TestDashboard.open();
  const page = await dashboard.visit("/guests");
  await page.getByText("New machine").click();
  await page.locator("input[name=vcpus]").fill("3");
  await page.locator("select[name=engine]").selectOption("soft");
  await using _vm = await busyGuest(dashboard.runtime);
  await page.locator("article.card .state[data-state=running]").waitFor();
  strictEqual(await page.locator("input[name=vcpus]").inputValue(), "3");
  strictEqual(await page.locator("select[name=engine]").inputValue(), "soft");
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
