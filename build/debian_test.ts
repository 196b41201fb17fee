import { deepStrictEqual, match, notStrictEqual, rejects, strictEqual } from "node:assert";
import { join } from "node:path";
import { SplitXError } from "../errors.ts";
import { backports } from "./debian_backports.ts";
import { debianPackage, debianPackages, dependencyOf, hasPackages } from "./debian.ts";

/**
 * Programs that answer as Debian's do. The archive's hash is of its version; what is unpacked is a
 * file `version`; each download leaves a line in the file `downloads`.
 */
const APT_GET = `#!/bin/sh
while [ "\${1#--option}" != "$1" ]; do echo "\${1#--option=}" >> "$FAKE/options"; shift; done
case "$*" in
  "indextargets "*)
    echo "Packages http://somewhere/debian-security/ old-security main"
    echo "Packages http://somewhere/debian/ old main" ;;
  "--error-on=any update") echo updated >> "$FAKE/updates" ;;
  --version) echo apt ;;
  "download --print-uris gone") echo "E: Unable to locate package gone" >&2; exit 100 ;;
  "download --print-uris "*)
    shift 2
    for name in "$@"; do
      version=$(cat "$FAKE/$name")
      hash=$(echo "$version" | sha256sum)
      echo "'http://somewhere/$name.deb' \${name}_1%3a\${version}_amd64.deb 7 SHA256:\${hash%% *}"
    done ;;
  "download "*)
    shift
    for package in "$@"; do
      version=\${package#*=1:}
      echo "1:$version" > "\${package%%=*}_1%3a\${version}_amd64.deb"
    done
    echo "$*" >> "$FAKE/downloads" ;;
  *) exit 1 ;;
esac
`;
const APT_CACHE = `#!/bin/sh
echo "$2"; echo "  Depends: $2-6.1"; echo " |Suggests: other"
`;
const DPKG_DEB = `#!/bin/sh
mkdir "$3" && cp "$2" "$3/version"
`;

/** Runs `work` with those programs in front, an empty cache, and a folder that says versions. */
async function withDebian(work: (versions: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "splitx-debian-" });
  const names = ["PATH", "XDG_CACHE_HOME", "FAKE"];
  const before = names.map((name) => [name, Deno.env.get(name)] as const);
  for (
    const [name, text] of [["apt-get", APT_GET], ["apt-cache", APT_CACHE], ["dpkg-deb", DPKG_DEB]]
  ) {
    Deno.writeTextFileSync(join(folder, name!), text!, { mode: 0o755 });
  }
  Deno.env.set("PATH", `${folder}:${Deno.env.get("PATH")}`);
  Deno.env.set("XDG_CACHE_HOME", folder);
  Deno.env.set("FAKE", folder);
  try {
    await work(folder);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
    Deno.removeSync(folder, { recursive: true });
  }
}

const silent = () => {};

Deno.test("debianPackage() fetches and unpacks the current version, once", async () => {
  await withDebian(async (versions) => {
    Deno.writeTextFileSync(join(versions, "one"), "2.0");
    const first = await debianPackage("one", silent);
    strictEqual(first.version, "1:2.0");
    strictEqual(Deno.readTextFileSync(join(first.folder, "version")), "1:2.0\n");
    strictEqual((await debianPackage("one", silent)).folder, first.folder);
    strictEqual(Deno.readTextFileSync(join(versions, "downloads")), "one=1:2.0\n");
  });
});

Deno.test("debianPackages() fetches together what is not there", async () => {
  await withDebian(async (versions) => {
    for (const name of ["one", "two", "three"]) {
      Deno.writeTextFileSync(join(versions, name), `${name.length}.0`);
    }
    await debianPackage("two", silent);
    const packages = await debianPackages(["three", "two", "one"], silent);
    deepStrictEqual(packages.map(({ name, version }) => `${name} ${version}`), [
      ...["three 1:5.0", "two 1:3.0", "one 1:3.0"],
    ]);
    const downloads = Deno.readTextFileSync(join(versions, "downloads"));
    strictEqual(downloads, "two=1:3.0\nthree=1:5.0 one=1:3.0\n");
  });
});

Deno.test("debianPackage() keeps packages apart by what is in them", async () => {
  await withDebian(async (versions) => {
    Deno.writeTextFileSync(join(versions, "old"), "2.0");
    Deno.writeTextFileSync(join(versions, "new"), "2.1");
    const old = await debianPackage("old", silent), young = await debianPackage("new", silent);
    notStrictEqual(old.folder.slice(-16), young.folder.slice(-16));
    match(young.folder, /\/debian-new-[0-9a-f]{16}$/);
  });
});

Deno.test("debianPackage() repeats apt's words about a package that cannot be had", async () => {
  await withDebian(async () => {
    await rejects(debianPackage("gone", silent), (error) => {
      match((error as Error).message, /Unable to locate package gone.*: apt-get update$/);
      return error instanceof SplitXError && error.exitCode === 3;
    });
  });
});

Deno.test("dependencyOf() names what a package stands for", async () => {
  await withDebian(async () => {
    strictEqual(await hasPackages(), true);
    strictEqual(await dependencyOf("linux-image"), "linux-image-6.1");
  });
});

Deno.test("backports() lists younger packages of the host's release, once a day", async () => {
  await withDebian(async (fake) => {
    const source = await backports(silent);
    strictEqual(source.name, "old-backports");
    await backports(silent);
    strictEqual(Deno.readTextFileSync(join(fake, "updates")), "updated\n");
    const list = join(fake, "splitx/apt-old-backports/sources.list");
    strictEqual(Deno.readTextFileSync(list), "deb http://somewhere/debian/ old-backports main\n");
    Deno.writeTextFileSync(join(fake, "one"), "3.0");
    strictEqual((await debianPackage("one", silent, source)).version, "1:3.0");
    match(Deno.readTextFileSync(join(fake, "options")), /^Dir::State::Lists=/m);
  });
});
