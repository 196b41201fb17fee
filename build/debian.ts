/** Debian packages: downloaded, not installed, and unpacked into the cache. */
import { join } from "node:path";
import { hostError } from "../errors.ts";
import { cacheFolder, exists, makeInCache } from "./cache.ts";
import { type ProgramResult, runProgram } from "./program.ts";
import type { Progress } from "./stub.ts";

/** An unpacked package. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** Where the package's `/` is. */
  readonly folder: string;
}

/** Packages of one release of Debian, and how apt is told that it is meant. */
export interface PackageSource {
  readonly name: string;
  readonly options: readonly string[];
}

/** What this host's apt is set to. */
export const INSTALLED_RELEASE: PackageSource = { name: "installed", options: [] };

/** Runs apt, or says what to install. */
export function apt(
  program: "apt-get" | "apt-cache",
  args: readonly string[],
  cwd = "/",
): Promise<ProgramResult> {
  return runProgram(
    program,
    args,
    `no ${program} on this host, and Debian packages are fetched with it: install it, for example with: dnf install -y apt dpkg`,
    { cwd },
  );
}

const answers = new Map<string, Promise<ProgramResult>>();

/** Asks apt what it knows, once for each question: an answer takes half a second. */
function ask(program: "apt-get" | "apt-cache", ...args: string[]): Promise<ProgramResult> {
  const question = [program, ...args].join(" ");
  const answer = answers.get(question) ?? apt(program, args);
  answers.set(question, answer);
  return answer;
}

function notFetched(name: string, words: string): Error {
  const why = words.split("\n").find((line) => line.startsWith("E: ")) ?? words;
  return hostError(
    "no-package",
    `the Debian package ${name} cannot be fetched (${why}): refresh the package lists with: apt-get update`,
  );
}

/** Whether this host can say which version of a package is the current one. */
export async function hasPackages(): Promise<boolean> {
  try {
    return (await ask("apt-get", "--version")).success;
  } catch {
    return false;
  }
}

/** The package that an empty one, such as `linux-image-cloud-amd64`, stands for today. */
export async function dependencyOf(name: string, source = INSTALLED_RELEASE): Promise<string> {
  const { stdout, stderr } = await ask("apt-cache", ...source.options, "depends", name);
  const dependency = /^ *Depends: (\S+)$/m.exec(stdout)?.[1];
  if (dependency === undefined) throw notFetched(name, stderr);
  return dependency;
}

/**
 * The current version of a package, from the cache when it was unpacked before.
 *
 * @throws SplitXError `no-apt-get`, `no-dpkg-deb`, `no-package` (exit code 3)
 */
export async function debianPackage(
  name: string,
  progress: Progress,
  { options } = INSTALLED_RELEASE,
): Promise<DebianPackage> {
  // One line: 'ADDRESS' NAME_VERSION_ARCHITECTURE.deb SIZE HASHNAME:HASH
  const { stdout, stderr } = await ask(
    "apt-get",
    ...[...options, "download", "--print-uris", name],
  );
  const found = /^'\S+' [^_\s]+_(\S+)_\w+\.deb \d+ \w+:([0-9a-f]{16})/m.exec(stdout);
  if (!found) throw notFetched(name, stderr);
  const version = decodeURIComponent(found[1]!);
  const folder = join(cacheFolder(), `debian-${name}-${found[2]}`);
  if (exists(folder)) return { name, version, folder };
  progress(`fetching ${name} ${version}`);
  await makeInCache(folder, async (path, scratch) => {
    const download = await apt(
      "apt-get",
      [...options, "download", `${name}=${version}`],
      scratch,
    );
    const file = [...Deno.readDirSync(scratch)].find((entry) => entry.name.endsWith(".deb"));
    if (!download.success || !file) throw notFetched(name, download.stderr);
    const unpacked = await runProgram(
      "dpkg-deb",
      ["-x", join(scratch, file.name), path],
      "no dpkg-deb on this host: install it, for example with: apt-get install -y dpkg",
    );
    if (!unpacked.success) throw notFetched(name, unpacked.stderr);
  });
  return { name, version, folder };
}
