/** The emulated machine: QEMU's software processor with SVM, on which Linux's KVM is at home. */
import { join } from "node:path";
import { cpioArchive } from "../build/cpio.ts";
import { debianKernel } from "../build/debian_kernel.ts";
import type { Progress } from "../build/stub.ts";
import { hostError, runError } from "../errors.ts";
import { CHECKOUT, checkoutEntries } from "./checkout.ts";
import { passUntilEnd } from "./end_marker.ts";
import { buildLabInitramfs } from "./initramfs.ts";

const INIT = new URL("init", import.meta.url);
const QEMU = "qemu-system-x86_64";
const MACHINE = [
  ...["-M", "q35", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "3072"],
  ...["-cpu", "EPYC-Rome,+svm", "-nodefaults", "-no-user-config", "-no-reboot"],
  ...["-display", "none", "-serial", "stdio", "-device", "virtio-serial-pci"],
];
/** `panic=-1` with `-no-reboot`: a kernel that gives up ends the machine. */
const KERNEL_COMMAND_LINE = "console=ttyS0 panic=-1 mitigations=off random.trust_cpu=on";

/** Where the command's words go, and the machine's. */
export interface LabStreams {
  readonly stdout: (bytes: Uint8Array) => void;
  readonly stderr: (bytes: Uint8Array) => void;
  /** Firmware, kernel and QEMU; absent to have the kernel silent. */
  readonly machine?: (bytes: Uint8Array) => void;
  readonly progress: Progress;
}

/** A word as a shell reads it back. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A folder of one run, away when it is disposed of or the process ends. */
class RunFolder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "splitx-lab-" });
  readonly #remove = () => Deno.removeSync(this.path, { recursive: true });

  constructor() {
    globalThis.addEventListener("unload", this.#remove);
  }

  [Symbol.dispose](): void {
    globalThis.removeEventListener("unload", this.#remove);
    this.#remove();
  }
}

/** The machine's own words, kept for the case that it ends too early. */
async function keepWords(
  stream: ReadableStream<Uint8Array>,
  show: ((bytes: Uint8Array) => void) | undefined,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    show?.(bytes);
    text = (text + decoder.decode(bytes, { stream: true })).slice(-2000);
  }
  return text;
}

function startQemu(args: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command(QEMU, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw hostError(
      "no-qemu",
      `no ${QEMU} on this host: install it, for example with: apt-get install -y qemu-system-x86`,
    );
  }
}

/**
 * Boots the lab, runs a command in the checkout there, and ends the lab.
 *
 * @param words the command and its arguments
 * @param signal ends the machine at once
 * @returns the command's exit code
 * @throws SplitXError what the host lacks (exit code 3), or `lab-ended` when the machine ended first
 */
export async function runInLab(
  words: readonly string[],
  signal: AbortSignal,
  streams: LabStreams,
): Promise<number> {
  const { progress } = streams;
  const kernel = await debianKernel(progress);
  const base = await buildLabInitramfs(kernel, progress);
  const checkout = await checkoutEntries(progress);
  signal.throwIfAborted();

  using folder = new RunFolder();
  const word = crypto.randomUUID();
  const command = [
    `LAB_FOLDER=${quoted(CHECKOUT)}`,
    `LAB_END=${word}`,
    `set -- ${words.map(quoted).join(" ")}`,
  ].join("\n");
  const initrd = join(folder.path, "initrd");
  Deno.copyFileSync(base, initrd);
  Deno.writeFileSync(
    initrd,
    cpioArchive([
      { path: "init", bytes: Deno.readFileSync(INIT), executable: true },
      { path: "lab/command", bytes: new TextEncoder().encode(command) },
      ...checkout,
    ]),
    { append: true },
  );

  const ports = ["out", "err"].map((name) => {
    const path = join(folder.path, name);
    return { name, path, listener: Deno.listen({ transport: "unix", path }) };
  });
  const child = startQemu([
    ...MACHINE,
    ...["-kernel", kernel.image, "-initrd", initrd],
    ...["-append", `${KERNEL_COMMAND_LINE}${streams.machine ? "" : " quiet loglevel=1"}`],
    ...ports.flatMap(({ name, path }) => [
      ...["-chardev", `socket,id=${name},path=${path}`],
      ...["-device", `virtserialport,chardev=${name},name=${name}`],
    ]),
  ]);
  const kill = () => child.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  globalThis.addEventListener("unload", kill);
  try {
    const words = [
      keepWords(child.stdout, streams.machine),
      keepWords(child.stderr, streams.machine),
    ];
    const ended = child.status.then(() => undefined);
    const codes = await Promise.all(ports.map(async ({ name, listener }) => {
      const connection = await Promise.race([listener.accept(), ended]);
      if (!connection) return undefined;
      return await passUntilEnd(
        connection.readable,
        word,
        name === "out" ? streams.stdout : streams.stderr,
      );
    }));
    if (codes[0] !== undefined) return codes[0];
    signal.throwIfAborted();
    throw runError(
      "lab-ended",
      "the lab ended before the command:",
      (await Promise.all(words)).join(""),
    );
  } finally {
    globalThis.removeEventListener("unload", kill);
    signal.removeEventListener("abort", kill);
    try {
      child.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
    await child.status;
    for (const { listener } of ports) listener.close();
  }
}
