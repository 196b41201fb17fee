/** How long a Debian kernel takes from the start of its machine to the first line of its init's script. */
import { join } from "node:path";
import { cacheFolder, exists, makeInCache } from "../build/cache.ts";
import { buildLinuxGuest, initrdWith } from "../build/linux.ts";
import { runError } from "../errors.ts";
import { readBzImage } from "../runtime/boot/bzimage.ts";
import { unpackPayload } from "../runtime/boot/payload.ts";
import { Runtime } from "../runtime/runtime.ts";

const MEMORY_MIB = 512;
const MARK = "bench: init is here";
const SCRIPT = `echo "${MARK}"; sleep 1000`;
const COMMAND_LINE = "console=ttyS0 quiet panic=-1";
const MIB = 1024 ** 2;
const LIMIT_MS = 120_000;

/** One boot. */
export interface Boot {
  readonly milliseconds: number;
  /** Resident memory at its end, less the guest's own. */
  readonly overheadMib: number;
}

/** What boots: an uncompressed kernel, and an initial file system with the script. */
export interface BootFiles {
  readonly kernel: string;
  readonly initrd: string;
}

/** Makes the files unless the cache has them. */
export async function bootFiles(say: (line: string) => void): Promise<BootFiles> {
  const guest = await buildLinuxGuest(say);
  const folder = join(cacheFolder(), `boot-${guest.version}`);
  if (!exists(folder)) {
    await makeInCache(folder, (path) => {
      Deno.mkdirSync(path);
      const { payload } = readBzImage(Deno.readFileSync(guest.kernel), guest.kernel);
      const elf = unpackPayload(payload, guest.kernel, MEMORY_MIB * MIB);
      if (!elf) throw runError("no-kernel", `${guest.kernel} holds no ELF image`);
      Deno.writeFileSync(join(path, "vmlinux"), elf);
      return Promise.resolve();
    });
  }
  const initrd = Deno.makeTempFileSync({ prefix: "splitx-boot-" });
  const script = { path: "splitx/script", bytes: new TextEncoder().encode(SCRIPT) };
  Deno.writeFileSync(initrd, initrdWith([guest.initrd], [script]));
  return { kernel: join(folder, "vmlinux"), initrd };
}

/** Reads until the mark; false when the stream ends first. */
async function marked(stream: ReadableStream<Uint8Array>): Promise<boolean> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    text = (text + decoder.decode(bytes, { stream: true })).slice(-2 * MARK.length);
    if (text.includes(MARK)) return true;
  }
  return false;
}

function kib(pid: number | "self", name: string): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
}

/** Resident memory that is no shared file. */
function residentMib(pid: number | "self"): number {
  return (kib(pid, "VmRSS") - kib(pid, "RssShmem")) / 1024;
}

/** Resident memory of the mappings of a process that are as large as the guest's memory. */
function guestMib(pid: number): number {
  let size = 0, resident = 0;
  for (const line of Deno.readTextFileSync(`/proc/${pid}/smaps`).split("\n")) {
    const [, name, value] = /^(Size|Rss):\s*(\d+) kB$/.exec(line) ?? [];
    if (name === "Size") size = Number(value) / 1024;
    if (name === "Rss" && size === MEMORY_MIB) resident += Number(value) / 1024;
  }
  return resident;
}

/**
 * On the soft engine; the overhead is what the boot added to this process, with native code, whose pages
 * are a file's and in this process twice.
 */
export async function bootOnSoft(runtime: Runtime, files: BootFiles): Promise<Boot> {
  const before = residentMib("self"), started = performance.now();
  await using vm = runtime.createVm({
    guest: files.kernel,
    initrd: files.initrd,
    engine: "soft",
    machine: "pc",
    memory: MEMORY_MIB * MIB,
    cmdline: COMMAND_LINE,
  });
  await vm.start();
  if (!await marked(vm.console)) throw runError("no-boot", "Linux did not boot on the soft engine");
  const milliseconds = performance.now() - started;
  const { residentBytes, vcpus } = vm.stats();
  const native = vcpus[0]!.engine.native_bytes! / MIB, guest = residentBytes / MIB;
  return { milliseconds, overheadMib: residentMib("self") - before - guest + native };
}

/** On QEMU's software processor; the overhead is all of its process. */
export async function bootOnQemu(files: BootFiles): Promise<Boot> {
  const started = performance.now();
  const child = new Deno.Command("qemu-system-x86_64", {
    args: [
      ...["-M", "microvm,acpi=off", "-accel", "tcg", "-cpu", "max", "-m", `${MEMORY_MIB}`],
      ...["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"],
      ...["-kernel", files.kernel, "-initrd", files.initrd, "-append", COMMAND_LINE],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  try {
    if (!await marked(child.stdout)) throw runError("no-boot", "Linux did not boot on QEMU");
    const milliseconds = performance.now() - started;
    return { milliseconds, overheadMib: residentMib(child.pid) - guestMib(child.pid) };
  } finally {
    clearTimeout(timer);
    try {
      child.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
    await child.status;
  }
}
