/** The differential test's C side, with a stub of its own in it: both see the engine from inside. */
import { fileURLToPath } from "node:url";
import { buildLibrary, type Library, type Progress, stubLibrary } from "../../build/stub.ts";

const FOLDER = fileURLToPath(new URL("./", import.meta.url));
/** `struct result` of differential.c. */
const RESULT_BYTES = 24616, TEXT_OFFSET = 40;

const SYMBOLS = {
  differential_run: { parameters: ["u64", "u64", "buffer"], result: "i32", nonblocking: true },
} as const;

function library(): Library {
  const own = (extension: string) =>
    [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(extension))
      .sort().map((name) => FOLDER + name);
  const stub = stubLibrary();
  return {
    ...stub,
    name: "differential",
    sources: [...stub.sources, ...own(".c")],
    headers: [...stub.headers, ...own(".h")],
  };
}

/** How far a run came. */
export interface Outcome {
  /** Whether every program left both sides in the same state. */
  readonly agreed: boolean;
  /** The first program that did not, or the next seed. */
  readonly seed: bigint;
  /** Programs that agreed. */
  readonly programs: number;
  /** Their instructions, at least: those that a branch may lead around are not counted. */
  readonly instructions: number;
  /** Faults and traps among them. */
  readonly faults: number;
  /** Forms of instructions that there are. */
  readonly forms: number;
  /** Forms that no program had. */
  readonly unusedForms: number;
  /** What differs. */
  readonly report: string;
}

/** Code as objdump writes it; nothing where there is no objdump. */
async function disassembly(report: string): Promise<string> {
  const origin = /^origin (\S+)$/m.exec(report)?.[1], code = /^code (\S+)$/m.exec(report)?.[1];
  if (!origin || !code) return "";
  const path = await Deno.makeTempFile({ prefix: "differential-" });
  try {
    await Deno.writeFile(path, Uint8Array.fromHex(code));
    const args = ["-D", "-b", "binary", "-m", "i386:x86-64", `--adjust-vma=${origin}`, path];
    const { stdout } = await new Deno.Command("objdump", { args }).output();
    return new TextDecoder().decode(stdout).split("\n").slice(6).join("\n");
  } catch {
    return "";
  } finally {
    await Deno.remove(path);
  }
}

/**
 * Runs the named cases, then programs of random instructions on the host's processor and on the
 * soft engine.
 *
 * @param first seed of the first program; the next ones follow it
 * @param instructions how many have to agree
 */
export async function runDifferential(
  first: bigint,
  instructions: number,
  progress: Progress,
): Promise<Outcome> {
  const native = Deno.dlopen(await buildLibrary(library(), progress), SYMBOLS);
  const bytes = new Uint8Array(RESULT_BYTES);
  const status = await native.symbols.differential_run(first, BigInt(instructions), bytes);
  native.close();
  if (status < 0) throw new Error(`the differential test cannot run: errno ${-status}`);
  const view = new DataView(bytes.buffer);
  const count = (offset: number) => Number(view.getBigUint64(offset, true));
  const text = bytes.subarray(TEXT_OFFSET);
  const report = new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
  return {
    agreed: status === 0,
    seed: view.getBigUint64(0, true),
    programs: count(8),
    instructions: count(16),
    faults: count(24),
    forms: view.getUint32(32, true),
    unusedForms: view.getUint32(36, true),
    report: report + await disassembly(report),
  };
}
