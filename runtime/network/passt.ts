/**
 * The network of an unprivileged user: a passt process for one machine, which turns the guest's
 * frames into sockets of the host. It ends when its connection does, however the machine and this
 * process end, and its folder is gone as soon as it is connected.
 */
import { check, type Stub, StubError } from "../../cores/stub.ts";
import { hostError } from "../../errors.ts";

/** What the Linux guest takes for granted: the addresses of QEMU's user network. */
const ADDRESSES = [
  ...["--address", "10.0.2.15", "--netmask", "24", "--gateway", "10.0.2.2"],
  ...["--mac-addr", "52:55:0a:00:02:02", "--dns-forward", "10.0.2.3", "--mtu", "1500"],
];
const BEHAVIOUR = ["--quiet", "--stderr", "--ipv4-only", "--one-off"];
/** Its name in /proc begins so. */
const COMMAND = /^passt/;
/** User and group `nobody`: to whom passt changes when root starts it. */
const NOBODY = 65534;
const ROUTES = "/proc/net/route", DEFAULT_DESTINATION = "00000000";
/** Lines that say nothing of why passt failed. */
const ASIDE = /^$|^Failed to send|^Don't run as root|^No external routable/;

const INSTALL = "apt-get install -y passt";
const WITHOUT = "or run without a network: --network none";

/** Whether the host has passt. */
export function passtInstalled(): boolean {
  try {
    return run(["--version"]).success;
  } catch {
    return false;
  }
}

function run(args: readonly string[]): Deno.CommandOutput {
  return new Deno.Command("passt", {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).outputSync();
}

/** A host without a way out still has itself, and passt wants an interface to begin with. */
function withoutRoute(): readonly string[] {
  const routes = Deno.readTextFileSync(ROUTES).split("\n").slice(1);
  const leavesHost = routes.some((line) => line.split("\t")[1] === DEFAULT_DESTINATION);
  return leavesHost ? [] : ["--interface", "lo"];
}

/** A machine's passt. */
export interface Passt {
  /** The stub's handle of the stream. */
  readonly handle: number;
  /** Its process, when it told. */
  readonly process: number | undefined;
}

/** Whether a process is a passt: one that has ended may have left its number to another. */
export function isPasst(process: number): boolean {
  try {
    return COMMAND.test(Deno.readTextFileSync(`/proc/${process}/comm`));
  } catch {
    return false;
  }
}

/** What a file of passt's says, undefined when it has written none. */
function processIn(file: string): number | undefined {
  try {
    return Number(Deno.readTextFileSync(file));
  } catch {
    return undefined;
  }
}

/** Starts passt, which goes into the background when its socket is there: its process. */
function start(folder: string, socket: string): number | undefined {
  const pid = `${folder}/pid`;
  const user: string[] = [];
  if (Deno.uid() === 0) {
    Deno.chownSync(folder, NOBODY, NOBODY);
    user.push("--runas", `${NOBODY}:${NOBODY}`);
  }
  let result: Deno.CommandOutput;
  try {
    result = run([
      ...[...BEHAVIOUR, ...ADDRESSES, ...withoutRoute(), ...user],
      ...["--socket", socket, "--pid", pid],
    ]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw hostError(
      "no-passt",
      `no passt on this host, which serves the network "user": install it, for example with: ` +
        `${INSTALL}; ${WITHOUT}`,
    );
  }
  if (result.success) return processIn(pid);
  const lines = new TextDecoder().decode(result.stderr).split("\n");
  const why = lines.filter((line) => !ASIDE.test(line)).at(-1) ?? `exit code ${result.code}`;
  throw hostError("passt-failed", `passt does not start: ${why.trim()}; ${WITHOUT}`);
}

/**
 * Starts passt and connects to it.
 *
 * @throws SplitXError `no-passt` or `passt-failed` with what to do
 */
export function connectPasst(stub: Stub): Passt {
  const folder = Deno.makeTempDirSync({ prefix: "splitx-passt-" });
  try {
    const socket = `${folder}/s`, path = new TextEncoder().encode(`${socket}\0`);
    const process = start(folder, socket);
    return { handle: check(stub, stub.sx_stream_connect(path, path.length)), process };
  } catch (error) {
    if (!(error instanceof StubError)) throw error;
    throw hostError("passt-failed", `passt does not answer (${error.message}); ${WITHOUT}`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
