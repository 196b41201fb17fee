/** What whole-system tests share. */
import { ok } from "node:assert";
import { fileURLToPath } from "node:url";
import { qemuHasDatagrams, qemuInstalled } from "../bench/qemu.ts";
import type { Engine } from "../cores/engine.ts";
import type { VmConfigInput } from "../runtime/config.ts";
import { MOST_IRQCHIP } from "../runtime/engine_config.ts";
import { Runtime } from "../runtime/runtime.ts";
import type { Vm, VmEnd } from "../runtime/vm.ts";
import type { VmStats } from "../runtime/vm_stats.ts";

/** The project's folder. */
export const PROJECT = fileURLToPath(new URL("../", import.meta.url));

/** `$XDG_CACHE_HOME`, or what stands for it. */
export const CACHE = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`;

/** Some ten times what the longest test takes in the lab. */
const LAB_LIMIT_MS = 600_000;

/** An environment in which the project finds an empty cache and Deno its own as it was. */
export function emptyCache(folder: string): Record<string, string> {
  return { XDG_CACHE_HOME: folder, DENO_DIR: Deno.env.get("DENO_DIR") ?? `${CACHE}/deno` };
}

/** Every point of placement x notification. */
export const POINTS = [
  { placement: "same-core", notification: "exit" },
  { placement: "same-core", notification: "polled" },
  { placement: "split", notification: "exit" },
  { placement: "split", notification: "polled" },
] as const;

interface Host {
  /** What micro guests run on when nobody says otherwise. */
  readonly engine: Engine;
  /** Why machines cannot run, empty when they can. */
  readonly problem: string;
}

async function host(): Promise<Host> {
  await using runtime = await Runtime.open();
  const { engine, why } = runtime.engineFor({ machine: "micro", engine: "auto" });
  const cores = runtime.topology.cores.filter((core) => core.online && core.allowed).length;
  if (cores < 2) return { engine, problem: `${cores} usable core, two are needed` };
  try {
    await using _vm = runtime.createVm({ guest: "hello" });
    return { engine, problem: "" };
  } catch (error) {
    return { engine, problem: `${(error as Error).message}; engine ${engine}, because ${why}` };
  }
}

async function iaslInstalled(): Promise<boolean> {
  try {
    return (await new Deno.Command("iasl", { args: ["-v"] }).output()).success;
  } catch {
    return false;
  }
}

const HOST = await host();
/** What micro guests run on here when nobody says otherwise. */
export const ENGINE = HOST.engine;
/** The most that it has of interrupt controllers. */
export const IRQCHIP = MOST_IRQCHIP[ENGINE];
/** Why machines cannot run here, empty when they can. */
export const NO_ENGINE = HOST.problem;
/** Why images cannot be tried on QEMU here, empty when they can. */
export const NO_QEMU = await qemuInstalled() ? "" : "qemu-system-x86_64 is not installed";
/** Why two QEMUs cannot be joined here, empty when they can. */
const NO_QEMU_PAIR = NO_QEMU || (await qemuHasDatagrams() ? "" : "QEMU has no -netdev dgram");

function kvmOpens(): boolean {
  try {
    Deno.openSync("/dev/kvm", { read: true, write: true }).close();
    return true;
  } catch {
    return false;
  }
}

/** What QEMU can run guests with here; its software processor is always there. */
export const QEMU_ACCELERATORS: readonly ("tcg" | "kvm")[] = kvmOpens() ? ["tcg", "kvm"] : ["tcg"];
/** Why ACPI tables cannot be taken apart here, empty when they can. */
const NO_IASL = await iaslInstalled() ? "" : "iasl is not installed";
/** Why namespaces of our own cannot be made, empty when they can. */
const NO_NAMESPACE = Deno.uid() === 0 ? "" : "only root may make a mount namespace";

/** A test that is skipped, and says why in its name, where there is a problem. */
export function testUnless(problem: string, name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name: problem ? `${name} [skipped: ${problem}]` : name, ignore: problem !== "", fn });
}

/** A test that runs machines. */
export function engineTest(name: string, fn: () => void | Promise<void>): void {
  testUnless(NO_ENGINE, name, fn);
}

/** A test that runs machines where it hides things of the host from them. */
export function engineNamespaceTest(name: string, fn: () => void | Promise<void>): void {
  testUnless(NO_NAMESPACE || NO_ENGINE, name, fn);
}

/** A test that runs QEMU. */
export function qemuTest(name: string, fn: () => void | Promise<void>): void {
  testUnless(NO_QEMU, name, fn);
}

/** A test that runs two QEMUs on one network. */
export function qemuPairTest(name: string, fn: () => Promise<void>): void {
  testUnless(NO_QEMU_PAIR, name, fn);
}

/** A test that takes ACPI tables apart with ACPICA's compiler. */
export function iaslTest(name: string, fn: () => Promise<void>): void {
  testUnless(NO_IASL, name, fn);
}

/** A test that hides things of the host from a child. */
export function namespaceTest(name: string, fn: () => void | Promise<void>): void {
  testUnless(NO_NAMESPACE, name, fn);
}

/** A machine's run from start to end. */
export interface Finished {
  readonly output: string;
  readonly end: VmEnd;
  readonly stats: VmStats;
}

/** Starts a machine and waits for its end. */
export async function finish(vm: Vm): Promise<Finished> {
  await vm.start();
  const output = await vm.output();
  const end = await vm.ended;
  return { output, end, stats: vm.stats() };
}

/** Makes a machine, runs it to its end and gives everything back. */
export async function runVm(runtime: Runtime, config: VmConfigInput): Promise<Finished> {
  await using vm = runtime.createVm(config);
  return await finish(vm);
}

/** A file in a folder of its own, removed on disposal. */
export class TempFile implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "splitx-test-" });
  readonly path: string;

  constructor(bytes: Uint8Array | string, name = "file") {
    this.path = `${this.folder}/${name}`;
    if (typeof bytes === "string") Deno.writeTextFileSync(this.path, bytes);
    else Deno.writeFileSync(this.path, bytes);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** Bytes that are the same in every run and compress badly. */
export function noise(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let i = 0; i < size; i++) {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Waits until `holds` does, and fails when that takes longer. */
export async function eventually(
  what: string,
  holds: () => boolean,
  seconds = 10,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not in ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What a command left behind. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, or to the signal. */
export async function command(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<CommandResult> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: PROJECT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    ...(signal && { signal }),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs `deno task run --once` without the task. */
export function cliRun(args: readonly string[], env = {}): Promise<CommandResult> {
  return command(Deno.execPath(), ["run", "-A", "cli/run.ts", "--once", ...args], env);
}

/** Runs `deno task experiment` without the task. */
export function cliExperiment(args: readonly string[], env = {}): Promise<CommandResult> {
  return command(Deno.execPath(), ["run", "-A", "cli/experiment.ts", ...args], env);
}

/** Runs `deno task lab` without the task; a lab that hangs fails its test. */
export async function cliLab(args: readonly string[], env = {}): Promise<CommandResult> {
  const limit = AbortSignal.timeout(LAB_LIMIT_MS);
  const lab = await command(Deno.execPath(), ["run", "-A", "cli/lab.ts", ...args], env, limit);
  ok(!limit.aborted, `the lab did not end in ${LAB_LIMIT_MS} ms: ${lab.stdout}${lab.stderr}`);
  return lab;
}

/** Processes whose command line holds a word. */
export function processesWith(word: string): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    try {
      const line = Deno.readTextFileSync(`/proc/${entry.name}/cmdline`).replaceAll("\0", " ");
      if (line.includes(word)) found.push(line);
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}
