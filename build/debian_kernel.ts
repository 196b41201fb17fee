/** Debian's Linux for virtual machines: small, and quick to boot. */
import { join } from "node:path";
import { type DebianPackage, debianPackage, dependencyOf, INSTALLED_RELEASE } from "./debian.ts";
import type { Progress } from "./stub.ts";

/** A package that depends on the current kernel, and only on it. */
const NEWEST = "linux-image-cloud-amd64";

/** A kernel and its modules. */
export interface DebianKernel {
  readonly package: DebianPackage;
  /** Path of the compressed kernel, a bzImage. */
  readonly image: string;
  /** Folder of its modules. */
  readonly modules: string;
}

/** The current kernel of a release, from the cache when it was unpacked before. */
export async function debianKernel(
  progress: Progress,
  source = INSTALLED_RELEASE,
): Promise<DebianKernel> {
  const found = await debianPackage(await dependencyOf(NEWEST, source), progress, source);
  const release = found.name.replace("linux-image-", "");
  return {
    package: found,
    image: join(found.folder, "boot", `vmlinuz-${release}`),
    modules: join(found.folder, "lib/modules", release),
  };
}
