/** What tests share that boot machines made of Debian packages. */
import { debianKernel } from "../build/debian_kernel.ts";
import { EXIT, SplitXError } from "../errors.ts";
import { NO_QEMU, testUnless } from "./support.ts";

async function packagesProblem(): Promise<string> {
  try {
    await debianKernel(() => {});
    return "";
  } catch (error) {
    if (error instanceof SplitXError && error.exitCode === EXIT.host) return error.message;
    throw error;
  }
}

/** Why Debian's packages cannot be had here, empty when they can. */
const NO_PACKAGES = await packagesProblem();

/** A test that boots a machine made of Debian packages on QEMU. */
export function packagesTest(name: string, fn: () => Promise<void>): void {
  testUnless(NO_QEMU || NO_PACKAGES, name, fn);
}
