/** A runtime that is killed while its page is open, and another in its place. */
import { deepStrictEqual, match, strictEqual } from "node:assert";
import type { Page } from "playwright-core";
import { Running } from "../running.ts";
import { browserTest, openBrowser, openPage } from "./support.ts";

const JSON_TYPE = { "content-type": "application/json" };

async function start(address: string, name: string): Promise<void> {
  const body = JSON.stringify({ name, guest: "crash", cmdline: "do=loop" });
  const made = await fetch(`${address}/api/vms`, { method: "POST", headers: JSON_TYPE, body });
  const { id } = await made.json();
  await (await fetch(`${address}/api/vms/${id}/start`, { method: "POST" })).body!.cancel();
}

/** Names of the guests on the map. */
async function guestsOn(page: Page): Promise<string[]> {
  return await page.locator(".chip[data-role=guest] span").allTextContents();
}

browserTest(
  "a page shows that its runtime was killed, and is live again with the next, without a reload",
  async () => {
    const browser = await openBrowser();
    try {
      const page = await openPage(browser);
      const args = (port: string) => ["--guest", "hello", "--listen", port];
      await using first = new Running(args("0"));
      const address = await first.address(), { port } = new URL(address);
      await start(address, "before");
      await page.goto(address);
      await page.locator(".connection[data-state=live]").waitFor();
      await page.locator(".chip[data-role=guest]", { hasText: "before" }).waitFor();
      await page.evaluate(() => Object.assign(globalThis, { loadedOnce: true }));

      await first.kill();
      await page.locator(".connection[data-state=gone]", { hasText: "runtime gone" }).waitFor();
      match(
        await page.locator("main").evaluate((main) => getComputedStyle(main).filter),
        /grayscale/,
      );
      deepStrictEqual(await guestsOn(page), ["before vCPU 0"]);

      await using second = new Running(args(port));
      strictEqual(await second.address(), address);
      await page.locator(".connection[data-state=live]").waitFor();
      await page.locator(".chip[data-role=guest]").waitFor({ state: "detached" });
      await start(address, "after");
      await page.locator(".chip[data-role=guest]", { hasText: "after" }).waitFor();
      deepStrictEqual(await guestsOn(page), ["after vCPU 0"]);
      strictEqual(
        await page.locator("main").evaluate((main) => getComputedStyle(main).filter),
        "none",
      );
      // deno-lint-ignore no-explicit-any
      strictEqual(await page.evaluate(() => (globalThis as any).loadedOnce), true);
    } finally {
      await browser.close();
    }
  },
);
