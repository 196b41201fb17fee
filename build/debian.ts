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

/** A package as apt names it: `'ADDRESS' NAME_VERSION_ARCHITECTURE.deb SIZE HASHNAME:HASH`. */
const PACKAGE = /^'\S+' (([^_\s]+)_(\S+)_\w+\.deb) \d+ \w+:([0-9a-f]{16})/gm;

/**
 * The current versions of packages, from the cache where they were unpacked before.
 *
 * @throws SplitXError `no-apt-get`, `no-dpkg-deb`, `no-package` (exit code 3)
 */
export async function debianPackages(
  names: readonly string[],
  progress: Progress,
  { options } = INSTALLED_RELEASE,
): Promise<DebianPackage[]> {
  const asked = await ask("apt-get", ...[...options, "download", "--print-uris", ...names]);
  const found = new Map([...asked.stdout.matchAll(PACKAGE)].map((words) => [words[2], words]));
  const packages = names.map((name) => {
    const [, file, , version, hash] = found.get(name) ?? [];
    if (file === undefined) throw notFetched(name, asked.stderr);
    const folder = join(cacheFolder(), `debian-${name}-${hash}`);
    return { name, version: decodeURIComponent(version!), folder, file };
  });
  const missing = packages.filter(({ folder }) => !exists(folder));
  if (missing.length > 0) {
    for (const { name, version } of missing) progress(`fetching ${name} ${version}`);
    await withDownloads(missing, options, async (folder) => {
      for (const one of missing) await unpack(one, join(folder, one.file));
    });
  }
  return packages.map(({ name, version, folder }) => ({ name, version, folder }));
}

/** One package of {@link debianPackages}. */
export async function debianPackage(
  name: string,
  progress: Progress,
  source = INSTALLED_RELEASE,
): Promise<DebianPackage> {
  return (await debianPackages([name], progress, source))[0]!;
}

/** Has the files of packages in a folder while `work` runs. */
async function withDownloads(
  packages: readonly DebianPackage[],
  options: readonly string[],
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "splitx-debian-" });
  try {
    const named = packages.map(({ name, version }) => `${name}=${version}`);
    const { success, stderr } = await apt("apt-get", [...options, "download", ...named], folder);
    if (!success) throw notFetched(packages.map(({ name }) => name).join(", "), stderr);
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function unpack({ name, folder }: DebianPackage, file: string): Promise<void> {
  await makeInCache(folder, async (path) => {
    const { success, stderr } = await runProgram(
      "dpkg-deb",
      ["-x", file, path],
      "no dpkg-deb on this host: install it, for example with: apt-get install -y dpkg",
    );
    if (!success) throw notFetched(name, stderr);
  });
}
