/** Cuts the power of a machine that writes a log: kill -9 of its runtime, at a random moment. */
import { durableRecord, lastRecord } from "./journal_log.ts";
import { PROJECT, TempFile } from "./support.ts";

const DISK_BYTES = 512 << 20;
/** The moment: so many lines of the guest, and then milliseconds, at most. */
const MOST_LINES = 40, MOST_MS = 30;

/** What a cut left. */
export interface PowerCut {
  /** The highest record that the guest had been told is durable. */
  readonly durable: number;
  /** The last record that the disk holds. */
  readonly last: number;
  /** Whether the guest was still writing. */
  readonly killed: boolean;
  /** For messages. */
  readonly when: string;
}

/** Command line of a `run` of the log guest. */
export function journalArguments(disk: string, cmdline: string): string[] {
  return [
    ...["run", "-A", "cli/run.ts", "--once", "--guest", "journal", "--memory", "8M"],
    ...["--disk", disk, "--writable", "--cmdline", cmdline],
  ];
}

/** A disk for the log, empty. */
export function journalDisk(): TempFile {
  const disk = new TempFile("");
  Deno.truncateSync(disk.path, DISK_BYTES);
  return disk;
}

/** Starts the guest on a disk and kills its runtime. */
export async function cutPower(disk: TempFile): Promise<PowerCut> {
  const random = (most: number) => Math.floor(Math.random() * (most + 1));
  const cmdline = `depth=${1 + random(63)} flush=${1 + random(99)}`;
  const lines = 1 + random(MOST_LINES), milliseconds = random(MOST_MS);
  const child = new Deno.Command(Deno.execPath(), {
    args: journalArguments(disk.path, cmdline),
    cwd: PROJECT,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const decoder = new TextDecoder();
  let output = "", armed = false;
  for await (const bytes of child.stdout) {
    output += decoder.decode(bytes, { stream: true });
    if (armed || output.split("\ndurable ").length <= lines) continue;
    armed = true;
    setTimeout(() => child.kill("SIGKILL"), milliseconds);
  }
  const { signal } = await child.status;
  return {
    durable: durableRecord(output),
    last: lastRecord(Deno.readFileSync(disk.path)),
    killed: signal === "SIGKILL",
    when: `${cmdline}, killed ${milliseconds} ms after ${lines} lines`,
  };
}
