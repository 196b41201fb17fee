/**
 * The dashboard and its API: how soon a page is there, how much code it has, what it costs the
 * hypervisor core and housekeeping while it is open, and how soon the API answers under load.
 */
import { gzipSync } from "node:zlib";
import { type Browser, chromium, type Page } from "playwright-core";
import { exists } from "../build/cache.ts";
import { CHROMIUM } from "../build/chromium.ts";
import { buildDashboard } from "../build/dashboard.ts";
import { hostError } from "../errors.ts";
import { readGuestReport } from "../runtime/guest_report.ts";
import { Histogram, median } from "../runtime/histogram.ts";
import type { Row } from "../runtime/records.ts";
import { Runtime } from "../runtime/runtime.ts";
import { runApiLoad } from "./api_load.ts";
import { bounded, distribution, figure } from "./measurement.ts";
import { Service } from "./service.ts";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const LOADS = 15, ROUNDS = 8, CALLS = 50_000;
const OPEN_MS = 10_000, REST_MS = 500;
const LOAD = { warmUp: 1000, requests: 4000, perSecond: 200 };
const FOR_EVER = "ops=integer n=1000000000000";
/** Loaded when they are opened. */
const LATER = /^(terminal|stacked_chart|figure_file)-/;

/** Milliseconds until a page shows its first content, in a browser that has come to rest. */
async function firstPaint(browser: Browser, address: string): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  const page = await browser.newPage();
  await page.goto(address);
  await page.waitForFunction(() =>
    performance.getEntriesByName("first-contentful-paint").length > 0
  );
  const ms = await page.evaluate(() =>
    performance.getEntriesByName("first-contentful-paint")[0]!.startTime
  );
  await page.close();
  return ms;
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

/** KiB of the code that every page may load, packed. */
async function codeKib(say: (line: string) => void): Promise<number> {
  const scripts = filesIn(await buildDashboard(say)).filter((path) =>
    path.endsWith(".js") && !LATER.test(path.split("/").pop()!)
  );
  const bytes = scripts.map((path) => gzipSync(Deno.readFileSync(path)).length);
  return bytes.reduce((sum, one) => sum + one, 0) / 1024;
}

/** Median of a ring hypercall, nanoseconds. */
async function ringP50(service: Service, nsPerTick: number): Promise<number> {
  const id = await service.startVm("exits", `ops=call_ring n=${CALLS}`);
  const { histograms } = readGuestReport(await service.outputOf(id));
  return histograms.get("call_ring")!.quantile(0.5) * nsPerTick;
}

async function openPage(page: Page, service: Service): Promise<void> {
  await page.goto(`${service.address}/guests`);
  await page.locator(".connection[data-state=live]").waitFor();
}

/** Share of a core that the serving thread takes while a page is open and a guest works. */
async function housekeepingShare(page: Page, service: Service): Promise<number> {
  const id = await service.startVm("compute", FOR_EVER);
  await openPage(page, service);
  const before = service.housekeepingMs(), begun = performance.now();
  await page.waitForTimeout(OPEN_MS);
  const share = (service.housekeepingMs() - before) / (performance.now() - begun);
  await page.goto("about:blank");
  await service.deleteVm(id);
  return share;
}

/** How soon the API answers while a guest works. */
async function latencies(service: Service): Promise<Histogram> {
  const id = await service.startVm("compute", FOR_EVER);
  const paths = ["/api/host", "/api/vms", `/api/vms/${id}/stats`, "/api/plan"];
  const addresses = paths.map((path) => service.address + path);
  const times = new Histogram();
  for (const ms of await runApiLoad({ addresses, ...LOAD })) times.add(ms * 1e6);
  await service.deleteVm(id);
  return times;
}

/**
 * Runs the benchmark.
 *
 * @param say told what is going on
 * @returns rows; those with a bound say whether it holds
 */
export async function benchUi(say: (line: string) => void): Promise<Row[]> {
  if (!exists(CHROMIUM)) {
    throw hostError("no-chromium", "this benchmark needs a browser: apt-get install -y chromium");
  }
  const kib = await codeKib(say);
  await using runtime = await Runtime.open({ progress: say });
  const { nsPerTick } = runtime;
  await using service = await Service.start();
  say(`${LOAD.perSecond} requests a second`);
  const times = await latencies(service);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  try {
    say("first paint");
    const paints = new Histogram(), oneLine = new Histogram();
    for (let load = 0; load <= LOADS; load++) {
      const page = await firstPaint(browser, service.address);
      const line = await firstPaint(browser, `${service.address}/healthz`);
      if (load > 0) paints.add(page), oneLine.add(line);
    }
    const page = await browser.newPage(), open: number[] = [], closed: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      say(round === 0 ? "warm-up" : `round ${round} of ${ROUNDS}`);
      await openPage(page, service);
      const there = await ringP50(service, nsPerTick);
      await page.goto("about:blank");
      const gone = await ringP50(service, nsPerTick);
      if (round === 0) continue;
      open.push(there);
      closed.push(gone);
    }
    say("housekeeping");
    const share = await housekeepingShare(page, service);
    const paint = paints.quantile(0.5), p99 = times.quantile(0.99) / 1e6;
    const ratio = median(open.map((ns, i) => ns / closed[i]!));
    return [
      distribution("first contentful paint", {}, "ms", paints),
      distribution("first contentful paint of one line of text", {}, "ms", oneLine),
      figure("ring hypercall p50, dashboard closed", {}, "ns", median(closed), ROUNDS),
      figure("ring hypercall p50, dashboard open", {}, "ns", median(open), ROUNDS),
      distribution(`API, ${LOAD.perSecond} requests a second`, {}, "ns", times),
      bounded("first contentful paint, p50", "ms", paint, LOADS, "at most 300", paint <= 300),
      bounded("code of a page, gzip", "KiB", kib, 1, "at most 150", kib <= 150),
      bounded("ring p50, open to closed", "ratio", ratio, ROUNDS, "at most 1.05", ratio <= 1.05),
      bounded("serving thread, page open", "share", share, 1, "at most 0.1", share <= 0.1),
      bounded("API answer, p99", "ms", p99, times.n, "at most 10", p99 <= 10),
    ];
  } finally {
    await browser.close();
  }
}
