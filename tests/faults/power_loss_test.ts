/**
 * What a guest was told is durable survives the loss of power.
 *
 * Each test shows a part. A runtime that is killed loses what it held itself, but not the host's
 * page cache: so the kills show that nothing that the guest was told of was only in the runtime's
 * memory, and that what was in flight damages nothing before it. That the host had been asked to
 * make the data durable is shown by the order of system calls: the disk is put together from only
 * those writes that had ended before an fsync began that had ended when the guest was told. That
 * the host's fsync holds its promise is not shown.
 */
import { ok, strictEqual } from "node:assert";
import { lastRecord } from "../journal_log.ts";
import { cutPower, journalArguments, journalDisk } from "../power_cut.ts";
import { StableDisk } from "../stable_disk.ts";
import { command, engineTest, NO_ENGINE, TempFile, testUnless } from "../support.ts";

const KILLS = 5;

engineTest(`what was flushed is on the disk after each of ${KILLS} kills`, async () => {
  for (let i = 0; i < KILLS; i++) {
    using disk = journalDisk();
    const { durable, last, killed, when } = await cutPower(disk);
    ok(killed, `the guest ended by itself: ${when}`);
    ok(durable > 0, when);
    ok(last >= durable, `durable ${durable}, but the log ends at ${last}: ${when}`);
  }
});

engineTest("the guest finds in the log of a killed runtime what the host finds", async () => {
  using disk = journalDisk();
  const { last } = await cutPower(disk);
  const { stdout } = await command(Deno.execPath(), journalArguments(disk.path, "check=1"));
  strictEqual(Number(/^last (\d+)$/m.exec(stdout)?.[1]), last, stdout);
});

Deno.test("a log with a damaged or a lost record ends before it", () => {
  const { bytes, starts } = logOf(6);
  strictEqual(lastRecord(bytes), 6);
  const damaged = bytes.slice();
  damaged[starts[3]! + 600]! ^= 1;
  strictEqual(lastRecord(damaged), 3);
  strictEqual(lastRecord(bytes.slice().fill(0, starts[4]!, starts[5]!)), 4);
});

/** A log of records of two sectors, made by the host, and where each begins. */
function logOf(records: number) {
  const bytes = new Uint8Array(records * 1024), words = new Int32Array(bytes.buffer);
  const starts = Array.from({ length: records }, (_, i) => 1024 * i);
  for (const [i, start] of starts.entries()) {
    const record = words.subarray(start / 4, start / 4 + 256);
    record.set([0x756f6a00, 0x6c616e72, i + 1, 0, 2, 0]);
    for (let j = 6; j < 256; j++) record[j] = i * j;
    record[5] = record.reduce((sum, word) => Math.imul(sum ^ word, 0x01000193), 0x811c9dc5 | 0);
  }
  return { bytes, starts };
}

async function straceProblem(): Promise<string> {
  try {
    const { code } = await command("strace", ["-f", "-o", "/dev/null", "true"]);
    return code === 0 ? "" : "strace may not trace here";
  } catch {
    return "strace is not installed";
  }
}

testUnless(
  NO_ENGINE || await straceProblem(),
  "a record is told durable only behind an fsync",
  async () => {
    using disk = journalDisk();
    using trace = new TempFile("");
    const { code, stdout, stderr } = await command("strace", [
      ...["-f", "-y", "--seccomp-bpf", "-e", "trace=pwritev,fsync,write", "-e", "signal=none"],
      ...["-o", trace.path, Deno.execPath()],
      ...journalArguments(disk.path, "n=600 depth=16 flush=30"),
    ]);
    strictEqual(code, 0, stderr);
    const { told } = new StableDisk(disk.path).read(Deno.readTextFileSync(trace.path));
    ok(told.length >= 5, `${told.length} lines in ${stdout}`);
    for (const { durable, last } of told) {
      ok(
        last >= durable,
        `${durable} was told, ${last} stable`,
      );
    }
    strictEqual(told.at(-1)!.durable, 600);
  },
);
