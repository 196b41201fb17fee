/** What tests share that boot machines made of Debian packages. */
import { debianKernel } from "../build/debian_kernel.ts";
import { EXIT, SplitXError } from "../errors.ts";
import { trackedFiles } from "../lab/checkout.ts";
import { NO_ENGINE, NO_QEMU, testUnless } from "./support.ts";

/** What the host lacks for `work`, empty when nothing. */
export async function problemOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "";
  } catch (error) {
    if (error instanceof SplitXError && error.exitCode === EXIT.host) return error.message;
    throw error;
  }
}

/** Why Debian's packages cannot be had here, empty when they can. */
export const NO_PACKAGES = await problemOf(debianKernel(() => {}));
/** Why the lab cannot have this checkout, empty when it can. */
const NO_CHECKOUT = await problemOf(trackedFiles());

/** A test that boots a machine made of Debian packages on QEMU. */
export function packagesTest(name: string, fn: () => Promise<void>): void {
  testUnless(NO_QEMU || NO_PACKAGES, name, fn);
}

/** A test that runs commands in the lab. */
export function labTest(name: string, fn: () => Promise<void>): void {
  testUnless(NO_QEMU || NO_PACKAGES || NO_CHECKOUT, name, fn);
}

/** A test that runs a Linux guest on a machine of ours. */
export function linuxTest(name: string, fn: () => Promise<void>): void {
  testUnless(NO_ENGINE || NO_PACKAGES, name, fn);
}
