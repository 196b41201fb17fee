import { deepStrictEqual, match, notStrictEqual, rejects, strictEqual, throws } from "node:assert";
import { join } from "node:path";
import { SplitXError } from "../errors.ts";
import { cacheFolder, contentHash, exists, makeInCache } from "./cache.ts";

/** Sets variables of the environment, undefined to unset, while `work` runs. */
async function withEnvironment(
  variables: Record<string, string | undefined>,
  work: () => void | Promise<void>,
): Promise<void> {
  const set = (name: string, value: string | undefined) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  Object.entries(variables).forEach(([name, value]) => set(name, value));
  try {
    await work();
  } finally {
    before.forEach(([name, value]) => set(name, value));
  }
}

/** Runs `work` with an empty cache. */
async function withCache(work: (base: string) => void | Promise<void>): Promise<void> {
  const base = Deno.makeTempDirSync({ prefix: "splitx-cache-" });
  try {
    await withEnvironment({ XDG_CACHE_HOME: base }, () => work(base));
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

function namesInCache(): string[] {
  return [...Deno.readDirSync(cacheFolder())].map((entry) => entry.name).sort();
}

Deno.test("cacheFolder() follows the environment", async () => {
  const folders = async (cache: string | undefined, home: string | undefined, folder: string) =>
    await withEnvironment({ XDG_CACHE_HOME: cache, HOME: home }, () => {
      strictEqual(cacheFolder(), folder);
    });
  await folders("/some/cache", "/home/someone", "/some/cache/splitx");
  await folders(undefined, "/home/someone", "/home/someone/.cache/splitx");
  await folders("", "/home/someone", "/home/someone/.cache/splitx");
  await withEnvironment({ XDG_CACHE_HOME: undefined, HOME: undefined }, () => {
    throws(cacheFolder, (error) => error instanceof SplitXError && error.exitCode === 2);
  });
});

Deno.test("contentHash() changes with what the files hold and with the words", async () => {
  await withCache((base) => {
    const one = join(base, "one"), two = join(base, "two");
    Deno.writeTextFileSync(one, "1");
    Deno.writeTextFileSync(two, "2");
    const hash = contentHash([one, two], ["-O2"]);
    match(hash, /^[0-9a-f]{16}$/);
    strictEqual(contentHash([one, two], ["-O2"]), hash);
    notStrictEqual(contentHash([two, one], ["-O2"]), hash);
    notStrictEqual(contentHash([one], ["-O2"]), hash);
    notStrictEqual(contentHash([one, two], ["-O3"]), hash);
    notStrictEqual(contentHash([one, two], ["-O2", "-g"]), hash);
    notStrictEqual(contentHash([one, two], ["-O", "2"]), hash);
    Deno.writeTextFileSync(two, "3");
    notStrictEqual(contentHash([one, two], ["-O2"]), hash);
  });
});

Deno.test("contentHash() tells where one file ends and the next begins", async () => {
  await withCache((base) => {
    const file = (name: string, text: string) => {
      Deno.writeTextFileSync(join(base, name), text);
      return join(base, name);
    };
    const first = contentHash([file("a", "xy"), file("b", "z")], []);
    notStrictEqual(contentHash([file("a", "x"), file("b", "yz")], []), first);
  });
});

Deno.test("makeInCache() moves what was made into place and leaves nothing else", async () => {
  await withCache(async () => {
    const target = join(cacheFolder(), "library");
    await makeInCache(target, async (path) => {
      strictEqual(exists(target), false);
      await Deno.writeTextFile(path, "made");
    });
    strictEqual(Deno.readTextFileSync(target), "made");
    deepStrictEqual(namesInCache(), ["library"]);
  });
});

Deno.test("makeInCache() leaves nothing behind when make throws", async () => {
  await withCache(async () => {
    const half = makeInCache(join(cacheFolder(), "guests"), async (path) => {
      await Deno.mkdir(path);
      await Deno.writeTextFile(join(path, "half"), "");
      throw new Error("no compiler");
    });
    await rejects(half, /^Error: no compiler$/);
    deepStrictEqual(namesInCache(), []);
  });
});

Deno.test("makeInCache() keeps a folder that another process made meanwhile", async () => {
  await withCache(async () => {
    const target = join(cacheFolder(), "guests");
    await makeInCache(target, async (path) => {
      for (const [folder, text] of [[path, "second"], [target, "first"]] as const) {
        await Deno.mkdir(folder);
        await Deno.writeTextFile(join(folder, "guest"), text);
      }
    });
    strictEqual(Deno.readTextFileSync(join(target, "guest")), "first");
    deepStrictEqual(namesInCache(), ["guests"]);
  });
});

Deno.test("makeInCache() fails when nothing was made", async () => {
  await withCache(async () => {
    await rejects(makeInCache(join(cacheFolder(), "library"), async () => {}));
    deepStrictEqual(namesInCache(), []);
  });
});
