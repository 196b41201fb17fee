/** The emulated machine: QEMU's software processor with SVM, on which Linux's KVM is at home. */
import { join } from "node:path";
import { debianKernel } from "../build/debian_kernel.ts";
import type { Progress } from "../build/stub.ts";
import { hostError, runError } from "../errors.ts";
import { passUntilEnd } from "./end_marker.ts";
import { writeLabInitrd } from "./initrd.ts";

const QEMU = "qemu-system-x86_64";
const MACHINE = [
  ...["-M", "q35", "-accel", "tcg,thread=multi", "-m", "3072"],
  ...["-cpu", "EPYC-Rome,+svm", "-nodefaults", "-no-user-config", "-no-reboot"],
  ...["-display", "none", "-serial", "stdio", "-device", "virtio-serial-pci"],
];
/**
 * `panic=-1` with `-no-reboot`: a kernel that gives up ends the machine. `tsc=reliable`: QEMU's
 * processors count alike, and other clocks are read under QEMU's one lock. `maxcpus=1`: `lab/init`
 * has the others join once the kernel has patched itself.
 */
const KERNEL_COMMAND_LINE =
  "console=ttyS0 panic=-1 mitigations=off random.trust_cpu=on tsc=reliable maxcpus=1";
const SILENT = "quiet loglevel=1";
/** How much of the machine's own words is kept for an error, characters. */
const LAST_WORDS = 2000;
/** What QEMU says of each feature that the processor's model has and the software has not. */
const UNSUPPORTED = /^.*: warning: TCG doesn't support requested feature: .*\n/gm;

/** What a lab has that can be chosen. */
export interface LabEquipment {
  /** Processors. */
  readonly cores: number;
  /** Paths of further files of this host that the command finds at the same place. */
  readonly files: readonly string[];
}

/** Receives output as it comes. */
export type Output = (bytes: Uint8Array) => void;

/** Where the command's words go, and the machine's. */
export interface LabStreams {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Firmware, kernel and QEMU; absent to have the kernel silent. */
  readonly machine?: Output;
  readonly progress: Progress;
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

/** QEMU, ended when it is disposed of, aborted, or the process ends. */
class Qemu implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #signal: AbortSignal;
  /** The end of what firmware, kernel and QEMU said, once it has ended. */
  readonly lastWords: Promise<string>;

  constructor(args: readonly string[], signal: AbortSignal, show: Output | undefined) {
    this.#signal = signal;
    try {
      this.#child = new Deno.Command(QEMU, {
        args: [...args],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        detached: true, // Ctrl-C is ours to hear: QEMU would end as if the machine had
      }).spawn();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw hostError(
        "no-qemu",
        `no ${QEMU} on this host: install it, for example with: apt-get install -y qemu-system-x86`,
      );
    }
    this.lastWords = Promise.all(
      [this.#child.stdout, this.#child.stderr].map((stream) => lastWordsOf(stream, show)),
    ).then((words) => words.join(""));
    signal.addEventListener("abort", this.#kill);
    globalThis.addEventListener("unload", this.#kill);
  }

  readonly #kill = () => {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener("abort", this.#kill);
    globalThis.removeEventListener("unload", this.#kill);
    this.#kill();
    await this.#child.status;
  }
}

async function lastWordsOf(
  stream: ReadableStream<Uint8Array>,
  show: Output | undefined,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    show?.(bytes);
    text += decoder.decode(bytes, { stream: true });
    text = text.replaceAll(UNSUPPORTED, "").slice(-LAST_WORDS);
  }
  return text;
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
  { cores, files }: LabEquipment,
  signal: AbortSignal,
  streams: LabStreams,
): Promise<number> {
  const kernel = await debianKernel(streams.progress);
  using folder = new RunFolder();
  const endWord = crypto.randomUUID();
  const initrd = join(folder.path, "initrd");
  await writeLabInitrd(initrd, kernel, words, files, endWord, streams.progress);
  signal.throwIfAborted();

  const ports = [{ name: "out", to: streams.stdout }, { name: "err", to: streams.stderr }]
    .map((port) => ({ ...port, path: join(folder.path, port.name) }));
  const listeners = ports.map(({ path }) => Deno.listen({ transport: "unix", path }));
  await using qemu = new Qemu(
    [
      ...[...MACHINE, "-smp", `${cores}`, "-kernel", kernel.image, "-initrd", initrd],
      ...["-append", `${KERNEL_COMMAND_LINE} ${streams.machine ? "" : SILENT}`],
      ...ports.flatMap(({ name, path }) => [
        ...["-chardev", `socket,id=${name},path=${path}`],
        ...["-device", `virtserialport,chardev=${name},name=${name}`],
      ]),
    ],
    signal,
    streams.machine,
  );
  const codes = await Promise.all(ports.map(async ({ to }, i) => {
    using listener = listeners[i]!;
    const connection = await Promise.race([listener.accept(), qemu.lastWords]);
    if (typeof connection === "string") return undefined;
    return await passUntilEnd(connection.readable, endWord, to);
  }));
  if (codes[0] !== undefined) return codes[0];
  signal.throwIfAborted();
  throw runError("lab-ended", "the lab ended before the command:", await qemu.lastWords);
}
