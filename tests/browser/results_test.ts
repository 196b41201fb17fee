/** Results of experiments in a browser: from the form to plots, files and a comparison. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import type { Page } from "playwright-core";
import { describeHost, type ExperimentRecord } from "../../runtime/records.ts";
import { rowsToCsv } from "../../runtime/row_csv.ts";
import { browserTest, TestDashboard } from "./support.ts";

/** Few requests each, so that a run takes no time. */
const DISK_BYTES = 64 * 1024;
const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Fills the form of `placement` in, and starts it. */
async function start(dashboard: TestDashboard, repetitions: number): Promise<void> {
  const disk = `${dashboard.folder}/disk.img`;
  Deno.writeFileSync(disk, new Uint8Array(DISK_BYTES));
  const page = await dashboard.visit("/experiments");
  const form = page.getByRole("article", { name: "placement" });
  const values = { repetitions: String(repetitions), precision: "0", warmUp: "0", disk };
  for (const [name, value] of Object.entries(values)) {
    await form.locator(`input[name=${name}]`).fill(value);
  }
  await form.getByRole("button", { name: "Start" }).click();
}

/** Runs `placement` to its result, the record of this number. */
async function runPlacement(dashboard: TestDashboard, run: number): Promise<void> {
  await start(dashboard, 3);
  const job = dashboard.page.locator("[data-job]").filter({
    has: dashboard.page.locator(`a[href="/runs/${run}"]`),
  });
  await job.locator(".state[data-state=done]").waitFor();
  await job.getByRole("link", { name: "result" }).click();
  await dashboard.page.locator("figure svg").first().waitFor();
}

/** The file that a click gives, and its name. */
async function download(page: Page, click: () => Promise<void>) {
  const [file] = await Promise.all([page.waitForEvent("download"), click()]);
  return { name: file.suggestedFilename(), bytes: Deno.readFileSync(await file.path()) };
}

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What a browser makes of a PNG: its size, the colour of its corner and how many others it has. */
async function decoded(page: Page, bytes: Uint8Array) {
  return await page.evaluate(async (values) => {
    const image = await createImageBitmap(new Blob([new Uint8Array(values)]));
    const { width, height } = image, canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d")!;
    context.drawImage(image, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
    return { width, height, corner: pixels[0], colours: new Set(pixels).size };
  }, [...bytes]);
}

browserTest("an experiment runs from its form to its plots and files", async () => {
  await using dashboard = await TestDashboard.open();
  const { page, store } = dashboard;
  await runPlacement(dashboard, 1);
  const { record } = store.get(1)! as { record: ExperimentRecord };
  strictEqual(await page.locator("tbody tr[data-kind=measured]").count(), 4 * 7);
  match(await page.locator("tbody tr[data-kind=measured]").first().textContent() ?? "", /\d to \d/);
  match(await page.locator("main").textContent() ?? "", /split\+polled is \d.* times/);

  const figure = page.locator("figure").first(), picture = figure.locator("> div > svg");
  strictEqual(await picture.getAttribute("aria-label"), "Throughput");
  const svg = await download(page, () => figure.getByRole("button", { name: "SVG" }).click());
  strictEqual(svg.name, "placement-1-1.svg");
  const parsed = await page.evaluate((text) => {
    const { documentElement: root } = new DOMParser().parseFromString(text, "image/svg+xml");
    return [root.localName, root.namespaceURI, root.querySelector(".ground")?.getAttribute("fill")];
  }, textOf(svg.bytes));
  deepStrictEqual(parsed, ["svg", "http://www.w3.org/2000/svg", "#ffffff"]);
  for (const words of ["Throughput", "split+polled, measured", "modelled: outline"]) {
    ok(textOf(svg.bytes).includes(words), words);
  }

  const png = await download(page, () => figure.getByRole("button", { name: "PNG" }).click());
  strictEqual(png.name, "placement-1-1.png");
  deepStrictEqual([...png.bytes.subarray(0, 8)], PNG_SIGNATURE);
  const [, , width, height] = (await picture.getAttribute("viewBox"))!.split(" ").map(Number);
  const pixels = await decoded(page, png.bytes);
  deepStrictEqual([pixels.width, pixels.height], [2 * width!, 2 * height!]);
  strictEqual(pixels.corner, 0xffffffff, "a white ground");
  ok(pixels.colours > 10, `${pixels.colours} colours`);

  const link = (name: string) => page.getByRole("link", { name });
  const csv = await download(page, () => link("Rows as CSV").click());
  strictEqual(csv.name, "placement-1.csv");
  strictEqual(textOf(csv.bytes), rowsToCsv(record.rows));
  const json = await download(page, () => link("Record as JSON").click());
  strictEqual(json.name, "placement-1.json");
  deepStrictEqual(JSON.parse(textOf(json.bytes)).record, record);

  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await dashboard.checkLayout("/runs/1");
    const [text, around] = await page.evaluate(() =>
      ["figure svg text", "main"].map((selector) => {
        const { fill, color } = getComputedStyle(document.querySelector(selector)!);
        return selector === "main" ? color : fill;
      })
    );
    strictEqual(text, around, "the picture has the page's colour");
    await page.setViewportSize({ width: 1000, height: 500 });
    await dashboard.screenshot(`run-${colorScheme}`);
  }
  await link("Report with plots").click();
  await page.locator("figure > svg").first().waitFor();
  await dashboard.screenshot("report");
  deepStrictEqual(dashboard.errors, []);
});

browserTest("two runs of an experiment are picked and compared", async () => {
  await using dashboard = await TestDashboard.open();
  const { page } = dashboard;
  await runPlacement(dashboard, 1);
  await runPlacement(dashboard, 2);
  await page.getByRole("link", { name: "Compare with another run" }).click();
  await page.getByRole("heading", { name: "placement: run 2 against run 1" }).waitFor();
  const rows = page.locator(".comparison tbody tr");
  strictEqual(await rows.count(), 4 * 7 + 4 * 5);
  for (const kind of ["measured", "modelled"] as const) {
    const row = page.locator(`.comparison tbody tr[data-kind=${kind}]`).first();
    strictEqual(await row.locator(".kind").textContent(), kind);
    const plot = row.locator(`.difference-plot[data-kind=${kind}]`);
    match(await plot.getAttribute("aria-label") ?? "", kind === "measured" ? /between/ : /^0 %$/);
    const [interval, p] = await Promise.all(
      [6, 9].map((i) => row.locator("td").nth(i).innerText()),
    );
    match(interval!, kind === "measured" ? /^[-+]?[\d.,]+ to [-+]?[\d.,]+$/ : /^$/);
    match(p!, kind === "measured" ? /^[01](\.\d+)?$/ : /^$/);
  }
  const fills = await Promise.all(
    ["measured", "modelled"].map((kind) =>
      page.locator(`.comparison [data-kind=${kind}] circle`).first().evaluate((dot) =>
        getComputedStyle(dot).fill === getComputedStyle(dot).stroke
      )
    ),
  );
  deepStrictEqual(fills, [true, false], "full and hollow");
  const json = await download(
    page,
    () => page.getByRole("link", { name: "Comparison as JSON" }).click(),
  );
  strictEqual(JSON.parse(textOf(json.bytes)).rows.length, await rows.count());

  await page.getByLabel("from").focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "placement: run 1 against run 2" }).waitFor();
  match(page.url(), /\/runs\/compare\?a=2&b=1$/);

  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await dashboard.checkLayout("/runs/compare?a=1&b=2");
    await page.setViewportSize({ width: 1400, height: 700 });
    await dashboard.screenshot(`runs-compared-${colorScheme}`);
  }
  await dashboard.visit("/experiments");
  await page.getByRole("link", { name: "compare run 1" }).click();
  await page.getByRole("heading", { name: "placement: run 1 against run 2" }).waitFor();
  deepStrictEqual(dashboard.errors, []);
  await dashboard.visit("/runs/compare?a=1&b=77");
  await page.getByText("there is no record 77").waitFor();
});

browserTest("an experiment says how much time is left, until it is cancelled", async () => {
  await using dashboard = await TestDashboard.open();
  await start(dashboard, 1000);
  const job = dashboard.page.locator("[data-job]").first();
  await job.getByText(/^\d+ %, at most (\d+ h )?(\d+ min )?\d+ (s|min) left$/).waitFor();
  await job.getByRole("button", { name: "cancel" }).click();
  await job.locator(".state[data-state=cancelled]").waitFor();
  strictEqual(await job.getByText("left").count(), 0);
});

browserTest("the record of a benchmark has its rows and files, and no plots", async () => {
  await using dashboard = await TestDashboard.open();
  const row = { kind: "measured", unit: "ns", n: 100 } as const;
  const id = dashboard.store.add({
    schema: "splitx.bench/1",
    name: "ring",
    host: describeHost(dashboard.runtime),
    rows: [
      { ...row, name: "round trip", p50: 123.4, p99: 200, bound: "p50 <= 100", holds: false },
      { ...row, name: "posted", value: 7 },
    ],
  });
  const page = await dashboard.visit(`/runs/${id}`);
  deepStrictEqual(await page.locator("th").allTextContents(), [
    ...["name", "where", "kind", "unit", "n", "p50", "p99", "value", "must be"],
  ]);
  deepStrictEqual(await page.locator("tbody tr").first().locator("td").allTextContents(), [
    ...["round trip", "", "measured", "ns", "100", "123.4", "200", "", "p50 <= 100 missed"],
  ]);
  strictEqual(await page.locator("figure").count(), 0);
  const csv = await download(page, () => page.getByRole("link", { name: "Rows as CSV" }).click());
  strictEqual(
    textOf(csv.bytes),
    "name,kind,unit,n,p50,p99,value,bound,holds\r\n" +
      "round trip,measured,ns,100,123.4,200,,p50 <= 100,false\r\n" +
      "posted,measured,ns,100,,,7,,\r\n",
  );
});
