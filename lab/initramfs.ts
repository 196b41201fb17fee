/** What the lab has apart from the checkout: made once for each content, 215 MB. */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, contentHash, exists, makeInCache } from "../build/cache.ts";
import { compile } from "../build/compiler.ts";
import { type ArchiveEntry, cpioArchive } from "../build/cpio.ts";
import { debianPackage } from "../build/debian.ts";
import type { DebianKernel } from "../build/debian_kernel.ts";
import { modulesWithDependencies } from "../build/kernel_modules.ts";
import { runProgram } from "../build/program.ts";
import type { Progress } from "../build/stub.ts";
import { hostError } from "../errors.ts";
import { dependencyEntries } from "./npm_dependencies.ts";

const MODULES = ["virtio_pci", "virtio_console", "kvm_amd", "tun"];
/** The second one is for processors with AVX2, and the first one runs it there. */
const PASST = ["usr/bin/passt", "usr/bin/passt.avx2"];
const FOLDERS = ["proc", "sys", "dev", "tmp", "sbin", "usr/sbin", "lab/root"];
/** Where Deno looks for its cache when HOME is /root. */
const DENO_DIR = "root/.cache/deno";
/** Programs and libraries are of this host, so that the stub that it built fits them. */
const DENO = Deno.execPath();
const HOLD_KVM = fileURLToPath(new URL("hold_kvm.c", import.meta.url));
const COMPILE = ["-std=gnu11", "-O2", "-Wall", "-Wextra"];
/** Files that decide what the archive holds. */
const MAKERS = [
  ...["initramfs.ts", "npm_dependencies.ts", "hold_kvm.c", "../deno.lock"],
  ...["../build/cpio.ts", "../build/kernel_modules.ts"],
].map((name) => fileURLToPath(new URL(name, import.meta.url)));

/** Paths of the shared libraries that a program loads, its loader among them. */
async function librariesOf(program: string): Promise<string[]> {
  const { success, stdout, stderr } = await runProgram(
    "ldd",
    [program],
    "no ldd on this host: install it, for example with: apt-get install -y libc-bin",
  );
  if (!success) throw hostError("no-libraries", `ldd cannot read ${program}: ${stderr}`);
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
}

/**
 * Builds the lab's first archive unless the cache has it: busybox, passt, Deno with its libraries and
 * npm packages, KVM's modules and what holds them.
 *
 * @returns path of an uncompressed cpio archive
 */
export async function buildLabInitramfs(kernel: DebianKernel, progress: Progress): Promise<string> {
  const busybox = await debianPackage("busybox-static", progress);
  const passt = await debianPackage("passt", progress);
  const programs = PASST.map((path) => join(passt.folder, path));
  const libraries = [
    ...new Set((await Promise.all([DENO, ...programs].map(librariesOf))).flat()),
  ];
  const packages = [kernel.package, busybox, passt].map((one) => basename(one.folder));
  const hash = contentHash([...MAKERS, DENO, ...libraries], [...packages, ...libraries]);
  const archive = join(cacheFolder(), `lab-${hash}.cpio`);
  if (exists(archive)) return archive;
  progress("building the lab's file system");
  const modules = modulesWithDependencies(kernel.modules, MODULES);
  const program = (path: string, from: string): ArchiveEntry => (
    { path, bytes: Deno.readFileSync(from), executable: true }
  );
  const order = modules.map((module) => `${module.name}\n`).join("");
  await makeInCache(archive, async (path, scratch) => {
    const holdKvm = join(scratch, "hold_kvm");
    await compile([...COMPILE, "-o", holdKvm, HOLD_KVM], scratch);
    await Deno.writeFile(
      path,
      cpioArchive([
        program("bin/busybox", join(busybox.folder, "bin/busybox")),
        { path: "bin/sh", target: "busybox" },
        program("usr/bin/deno", DENO),
        program("lab/hold_kvm", holdKvm),
        ...PASST.map((path, i) => program(path, programs[i]!)),
        ...libraries.map((library) => program(library.slice(1), library)),
        ...modules.map(({ name, bytes }) => ({ path: `lab/modules/${name}.ko`, bytes })),
        { path: "lab/modules/order", bytes: new TextEncoder().encode(order) },
        ...await dependencyEntries(DENO_DIR),
        ...FOLDERS.map((path) => ({ path })),
      ]),
    );
  });
  return archive;
}
