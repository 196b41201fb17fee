/** A dashboard over a runtime of this process, in a real browser. */
import { deepStrictEqual } from "node:assert";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { exists } from "../../build/cache.ts";
import { CHROMIUM } from "../../build/chromium.ts";
import { buildDashboard } from "../../build/dashboard.ts";
import { ExperimentJobs } from "../../experiments/jobs.ts";
import { experimentResults } from "../../experiments/results.ts";
import { ConsoleHubs } from "../../runtime/api/console_hub.ts";
import type { ApiContext } from "../../runtime/api/context.ts";
import { type ApiServer, serveApi } from "../../runtime/api/listen.ts";
import { parseListen } from "../../runtime/api/listening.ts";
import { RunStore } from "../../runtime/run_store.ts";
import { Runtime, type RuntimeOptions } from "../../runtime/runtime.ts";
import { readAssets } from "../../ui/_server/assets.ts";
import { createDashboard } from "../../ui/_server/dashboard.tsx";
import { CACHE, NO_ENGINE, testUnless } from "../support.ts";

/** A closed network has nothing for a browser that looks around. */
const FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update"],
];
const TIMEOUT_MS = 30_000;
/** Pixels: the smallest telephone, a laptop, a large screen. */
const WIDTHS = [360, 1280, 2560];

/** Where screenshots are kept. */
const SCREENSHOTS = Deno.env.get("SPLITX_SCREENSHOTS") ?? `${CACHE}/splitx/screenshots`;

/** Why pages cannot be looked at here, empty when they can. */
const NO_CHROMIUM = exists(CHROMIUM)
  ? ""
  : "chromium is not installed: apt-get install -y chromium";

/** Opens a browser; disposal closes it. */
export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** An empty page, which waits no longer than a test has time. */
export async function openPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  return page;
}

/** See the head of this file. */
export class TestDashboard implements AsyncDisposable {
  readonly runtime: Runtime;
  readonly page: Page;
  /** Requests may name files here. */
  readonly folder: string;
  readonly store: RunStore;
  /** What went wrong in the page. */
  readonly errors: string[] = [];
  readonly #browser: Browser;
  readonly #server: ApiServer;

  private constructor(
    runtime: Runtime,
    folder: string,
    store: RunStore,
    context: Omit<ApiContext, "reach">,
    browser: Browser,
    page: Page,
  ) {
    this.runtime = runtime;
    this.folder = folder;
    this.store = store;
    this.#server = serveApi(context, parseListen("0"));
    this.#browser = browser;
    this.page = page;
    page.on("pageerror", (error) => void this.errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
  }

  /** Opens everything, a runtime with these options included; the page is still empty. */
  static async open(options: RuntimeOptions = {}): Promise<TestDashboard> {
    const assets = readAssets(await buildDashboard(() => {}));
    const runtime = await Runtime.open(options);
    const folder = Deno.makeTempDirSync({ prefix: "splitx-browser-" });
    const browser = await openBrowser();
    const store = new RunStore(`${folder}/runs.sqlite`);
    const context = {
      runtime,
      store,
      experiments: new ExperimentJobs(runtime, store),
      results: experimentResults,
      consoles: new ConsoleHubs(),
      imageFolders: [folder],
      now: () => Date.now(),
      log: (line: string) => console.error(line),
      pages: (api: Parameters<typeof createDashboard>[0]) => createDashboard(api, assets),
    };
    return new TestDashboard(runtime, folder, store, context, browser, await openPage(browser));
  }

  get address(): string {
    return this.#server.address;
  }

  /** Opens a page and waits until it hears of the runtime. */
  async visit(path: string): Promise<Page> {
    await this.page.goto(this.address + path);
    await this.page.locator(".connection[data-state=live]").waitFor();
    return this.page;
  }

  /** Holds the page against the rules of accessibility: nothing serious. */
  async checkAccessible(): Promise<void> {
    await this.page.evaluate(axe.source);
    const found = await this.page.evaluate(async () => {
      // deno-lint-ignore no-explicit-any
      const { violations } = await (globalThis as any).axe.run();
      return violations
        // deno-lint-ignore no-explicit-any
        .filter((one: any) => ["serious", "critical"].includes(one.impact))
        // deno-lint-ignore no-explicit-any
        .map((one: any) => `${one.id}: ${one.nodes.map((node: any) => node.html).join(" ")}`);
    });
    deepStrictEqual(found, []);
  }

  /** Opens a page at every width and holds it against its window and the rules of accessibility. */
  async checkLayout(path: string): Promise<void> {
    for (const width of WIDTHS) {
      await this.page.setViewportSize({ width, height: 900 });
      await this.visit(path);
      await this.#checkWidth(`${path} at ${width} pixels`);
    }
    await this.checkAccessible();
  }

  /** Holds what the page shows now against windows of every width. */
  async checkWidths(): Promise<void> {
    for (const width of WIDTHS) {
      await this.page.setViewportSize({ width, height: 900 });
      await this.#checkWidth(`${width} pixels`);
    }
  }

  /** Fails with what sticks out once the page has been drawn at its present size. */
  async #checkWidth(name: string): Promise<void> {
    const wide = await this.page.evaluate(async () => {
      for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
      const { scrollWidth, clientWidth } = document.documentElement;
      if (scrollWidth <= clientWidth) return [];
      const beyond = [...document.querySelectorAll("body *")]
        // deno-lint-ignore no-explicit-any
        .map((one: any) => {
          // What an element holds may stick out of it: its text, too.
          const contents = document.createRange();
          contents.selectNodeContents(one);
          const boxes = [one.getBoundingClientRect(), contents.getBoundingClientRect()];
          return { one, right: Math.max(...boxes.map((box) => box.right)) };
        })
        .filter(({ right }) => right > clientWidth)
        .map(({ one, right }) => `${one.cloneNode().outerHTML} ends at ${right}`);
      return [`${scrollWidth} pixels`, ...beyond];
    });
    deepStrictEqual(wide, [], name);
  }

  /** Keeps a picture of the page. */
  async screenshot(name: string): Promise<void> {
    Deno.mkdirSync(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.#server[Symbol.asyncDispose]();
    this.store[Symbol.dispose]();
    await this.runtime[Symbol.asyncDispose]();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** A test of the dashboard in a browser. */
export function browserTest(name: string, fn: () => Promise<void>): void {
  testUnless(NO_ENGINE || NO_CHROMIUM, name, fn);
}
