/** Debian's Chromium, for the tests of the dashboard. */
import { exists } from "./cache.ts";
import { runProgram } from "./program.ts";
import type { Progress } from "./stub.ts";

/** Where Debian puts it. */
export const CHROMIUM = "/usr/bin/chromium";

/** Installs it where it is absent and this user may; where that fails the tests say so. */
export async function installChromium(progress: Progress): Promise<void> {
  if (exists(CHROMIUM) || Deno.uid() !== 0) return;
  progress("installing chromium, for the tests of the dashboard");
  try {
    const options = ["--quiet", "--yes", "--no-install-recommends"];
    await runProgram("apt-get", ["install", ...options, "chromium"], "no apt-get on this host", {
      env: { DEBIAN_FRONTEND: "noninteractive" },
    });
  } catch (error) {
    progress((error as Error).message);
  }
}
