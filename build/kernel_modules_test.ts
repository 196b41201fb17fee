import { deepStrictEqual, throws } from "node:assert";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { compressSync as packXz } from "@napi-rs/lzma/xz";
import { SplitXError } from "../errors.ts";
import { modulesWithDependencies } from "./kernel_modules.ts";

/** A folder of modules, each with the names it depends on, while `work` runs. */
function withModules(modules: Record<string, string>, work: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "splitx-modules-" });
  try {
    Deno.mkdirSync(join(folder, "kernel/drivers"), { recursive: true });
    Deno.writeTextFileSync(join(folder, "modules.builtin"), "kernel/lib/crc32-c.ko\n");
    for (const [name, depends] of Object.entries(modules)) {
      const text = `code depends=none\0license=GPL\0depends=${depends}\0retpoline=Y\0`;
      Deno.writeTextFileSync(join(folder, "kernel/drivers", `${name}.ko`), text);
    }
    work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function namesOf(folder: string, names: string[]): string[] {
  return modulesWithDependencies(folder, names).map((module) => module.name);
}

Deno.test("modulesWithDependencies() puts each module behind those that it needs", () => {
  withModules(
    { ring: "", "a-bus": "ring", pci: "ring,a_bus", blk: "a-bus", other: "" },
    (folder) => {
      deepStrictEqual(namesOf(folder, ["pci", "blk", "pci"]), ["ring", "a_bus", "pci", "blk"]);
    },
  );
});

Deno.test("modulesWithDependencies() unpacks what is packed by xz", () => {
  withModules({ net: "ring", ring: "" }, (folder) => {
    const plain = join(folder, "kernel/drivers/ring.ko");
    const bytes = Deno.readFileSync(plain);
    Deno.writeFileSync(`${plain}.xz`, packXz(Buffer.from(bytes)));
    Deno.removeSync(plain);
    const modules = modulesWithDependencies(folder, ["net"]);
    deepStrictEqual(modules.map((module) => module.name), ["ring", "net"]);
    deepStrictEqual(modules[0]!.bytes, bytes);
  });
});

Deno.test("modulesWithDependencies() leaves out what the kernel has built in", () => {
  withModules({ net: "crc32_c" }, (folder) => {
    deepStrictEqual(namesOf(folder, ["net", "crc32-c"]), ["net"]);
  });
});

Deno.test("modulesWithDependencies() names a module that is not there", () => {
  withModules({ net: "failover" }, (folder) => {
    throws(
      () => modulesWithDependencies(folder, ["net"]),
      (error) => error instanceof SplitXError && error.message.includes("failover"),
    );
  });
});
