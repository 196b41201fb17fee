/**
 * A request of 64 bytes and its answer between the micro guest `net` and a process of the host, over
 * a TAP interface: beside the same image and interface on QEMU with KVM, held against its best.
 */
import { fileURLToPath } from "node:url";
import { runError } from "../errors.ts";
import { readGuestReport } from "../runtime/guest_report.ts";
import type { Row } from "../runtime/records.ts";
import { bounded, distribution, type Knobs } from "./measurement.ts";
import { ONLINE } from "./qemu.ts";
import { Samples } from "./samples.ts";

/** A side of the comparison: ours, C in its place without a guest, or QEMU with an accelerator. */
export type NetSide = "splitx" | "floor" | "kvm" | "tcg";

/** The name of the C side's only set-up. */
export const FLOOR = "C on the hypervisor core, no guest";

/** A finished run of one side. */
export interface NetSideRun {
  readonly setUp: string;
  readonly output: string;
  /** The guest's exit code, or an errno. */
  readonly code: number;
  /** What the side itself said. */
  readonly errors: string;
}

const VHOST = "/dev/vhost-net", TUN = "/dev/net/tun";

/** Whether this user may use a device of the host. */
function opens(path: string): boolean {
  try {
    Deno.openSync(path, { read: true, write: true }).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Ways in which QEMU serves a network device on a TAP interface: its main loop, which has no polling
 * and no I/O thread for it, and the kernel's own, where there is one.
 */
export const QEMU_NET_SET_UPS: readonly { readonly name: string; readonly netdev: string }[] = [
  { name: "main loop", netdev: "vhost=off" },
  ...(opens(VHOST) ? [{ name: "vhost-net", netdev: "vhost=on" }] : []),
];

const RUNS = fileURLToPath(new URL("./net_runs.ts", import.meta.url));
const WORKLOAD = "net request and answer of 64 bytes, guest and host";
const OURS = "splitx";

/** Runs a command in a network namespace that ends with it, wherever on the host it likes. */
function inNamespace(...words: string[]): Promise<Deno.CommandOutput> {
  const user = Deno.uid() === 0 ? [] : ["--user", "--map-root-user"];
  const args = ["-c", Deno.readTextFileSync(ONLINE).trim(), "unshare", ...user, "--net", ...words];
  return new Deno.Command("taskset", { args, stdin: "null" }).output();
}

/** Why this user can have no TAP interface on this host, empty when one can be had. */
export async function tapProblem(): Promise<string> {
  if (!opens(TUN)) return `${TUN} cannot be opened (modprobe tun, or its permissions)`;
  return (await inNamespace("true")).success ? "" : "no network namespace can be made (unshare)";
}

/**
 * Runs `net` as a client of the host, in a network namespace of its own.
 *
 * @param requests of each run, and the bytes of each
 * @returns the runs in their order
 */
export async function netOverTap(
  rounds: number,
  requests: { readonly n: number; readonly size: number },
  sides: readonly NetSide[],
): Promise<NetSideRun[]> {
  const { n, size } = requests;
  const words = [Deno.execPath(), "run", "-A", RUNS, `${rounds}`, `${n}`, `${size}`];
  const { success, stdout, stderr } = await inNamespace(...words, ...sides);
  const decoder = new TextDecoder();
  if (!success) {
    throw runError("net-failed", "the network was not measured:", decoder.decode(stderr));
  }
  return decoder.decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
}

const ROUNDS = 7, WARM_UP = 1, REQUESTS = { n: 20_000, size: 64 };

function knobs(setUp: string): Knobs {
  if (setUp === FLOOR) return {};
  if (setUp !== OURS) return { guest: "net" };
  return { engine: "kvm", placement: "split", notification: "polled", guest: "net" };
}

/**
 * Rows of the network, with their bound; none where the host has no TAP interfaces for its user.
 *
 * @param say told what is going on, and why there are no rows
 */
export async function benchNet(nsPerTick: number, say: (line: string) => void): Promise<Row[]> {
  const problem = await tapProblem();
  if (problem) {
    say(`the network is left out: ${problem}`);
    return [];
  }
  say(`network, ${ROUNDS} rounds`);
  const samples = new Map<string, Samples>(), seen = new Map<string, number>();
  for (const run of await netOverTap(WARM_UP + ROUNDS, REQUESTS, [OURS, "floor", "kvm"])) {
    const { setUp, output, code, errors } = run, report = readGuestReport(output);
    const before = seen.get(setUp) ?? 0;
    seen.set(setUp, before + 1);
    if (code !== 0 || report.spans.size === 0) {
      if (before === 0) say(`${setUp}: ${(report.text || errors || `code ${code}`).trim()}`);
      continue;
    }
    if (before < WARM_UP) continue;
    const of = samples.get(setUp) ?? new Samples();
    samples.set(setUp, of);
    of.add(report, "round_trip", nsPerTick);
  }
  const ours = samples.get(OURS), theirs = new Map(samples);
  theirs.delete(OURS);
  theirs.delete(FLOOR);
  if (!ours || theirs.size === 0) throw runError("no-figures", "a side gave no figures");
  const rows = [...samples].map(([setUp, { latency }]) =>
    distribution(`${WORKLOAD}, ${setUp}`, knobs(setUp), "ns", latency)
  );
  const ratio = ours.p50 / Math.min(...[...theirs.values()].map(({ p50 }) => p50));
  const name = "net request and answer to QEMU's best, p50";
  return [...rows, bounded(name, "ratio", ratio, ROUNDS, "at most 0.333", ratio <= 1 / 3)];
}
