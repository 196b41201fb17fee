/** The machine that a command line describes: options of `run` and of whatever else runs one. */
import { corePlanSchema } from "../cores/core_plan.ts";
import { usageError } from "../errors.ts";
import { parseWith, type VmConfigInput, vmConfigSchema } from "../runtime/config.ts";
import { linuxConfig } from "../runtime/linux_guest.ts";
import { passtInstalled } from "../runtime/network/passt.ts";
import { type OptionValues, textOf, textsOf } from "./options.ts";

/** Options that describe a machine. */
export const MACHINE_OPTIONS = {
  guest: { type: "string" },
  engine: { type: "string" },
  placement: { type: "string" },
  notification: { type: "string" },
  irqchip: { type: "string" },
  clock: { type: "string" },
  seed: { type: "string" },
  epoch: { type: "string" },
  "trace-hash": { type: "boolean" },
  vcpus: { type: "string" },
  memory: { type: "string" },
  disk: { type: "string" },
  network: { type: "string" },
  console: { type: "string" },
  mac: { type: "string" },
  port: { type: "string", multiple: true },
  cmdline: { type: "string" },
  cpuid: { type: "string" },
  kernel: { type: "string" },
  initrd: { type: "string" },
  script: { type: "string" },
  rootfs: { type: "string" },
  writable: { type: "boolean" },
  plan: { type: "string" },
  overcommit: { type: "boolean" },
} as const;

/** What each of {@link MACHINE_OPTIONS} does, for `--help`. */
export const MACHINE_HELP =
  `  --guest NAME|FILE        a bundled guest (hello, digest, exits, crash) or a file:
                           a PVH ELF image, a Linux bzImage or a multiboot kernel
  --guest linux            a Linux with a shell on this terminal (leave by Ctrl-A x)
  --script FILE            what that Linux runs instead of a shell; its exit code is the run's
  --rootfs FILE|FOLDER     its root file system: a disk image, a tar file or a folder; what it runs
                           is /sbin/init there, or the script
  --kernel FILE            another kernel for it
  --initrd FILE            a file that the kernel finds in memory
  --engine auto|kvm|soft   what executes guest code; auto: kvm where it runs the guest natively
  --placement same-core|split
  --notification exit|polled
  --irqchip none|full|split
                           what the engine has of the machine's interrupt controllers (soft: no full)
  --clock host|virtual     guest time: the host's, or modelled cycles, the same in every run (engine soft)
  --seed N                 of a virtual clock's random numbers (1)
  --epoch SECONDS          what a virtual clock says at the start, seconds since 1970 (2000-01-01)
  --trace-hash             prints a hash over all that a machine on a virtual clock did
  --vcpus N   --memory SIZE   --cmdline TEXT
  --cpuid NAME|FILE        a CPUID template: dedicated, or a JSON file
  --disk FILE              a file that the guest reads through the block service or as a virtio disk
  --writable               the guest may write to it, and to the root file system
  --network NAME|tap:NAME|user|none
                           a network that machines share (see --config), a TAP interface, or the
                           host's sockets by passt, which is a Linux guest's where it is installed
  --mac ADDRESS            Ethernet address of the guest's network device
  --console serial|virtio  what typing goes to; Linux calls them ttyS0 and hvc0
  --port NAME=SOCKET       a port that the guest finds by name (Linux: /dev/virtio-ports/NAME), at a
                           Unix socket to which a program of the host may connect; any number of them
  --plan FILE              a core plan: {"housekeeping":[0],"hypervisor":[0],"guest":[1]}
  --overcommit             several vCPUs may share a guest core, and hypervisor cores a host core`;

/**
 * Reads a JSON file that an option names.
 *
 * @param what it is, for the message
 * @throws SplitXError `bad-file`
 */
export function readJson(path: string, what: string): unknown {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    throw usageError("bad-file", `${what} ${path} cannot be read`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageError("bad-file", `${what} ${path} is not JSON: ${(error as Error).message}`);
  }
}

/** What `--guest` stands for when it is no file. */
async function guestOf(
  values: OptionValues,
  defaultGuest: string,
): Promise<Record<string, unknown>> {
  const guest = textOf(values, "guest") ?? defaultGuest;
  const { kernel, script, rootfs, initrd, cmdline } = values;
  if (guest === "linux") {
    const given = Object.entries({ kernel, script, rootfs, initrd, cmdline })
      .filter(([, value]) => value !== undefined);
    return { ...await linuxConfig(Object.fromEntries(given), (line) => console.error(line)) };
  }
  for (const [name, value] of Object.entries({ kernel, script, rootfs })) {
    if (value !== undefined) throw usageError("bad-option", `--${name} goes with --guest linux`);
  }
  return {
    guest,
    ...(initrd === undefined ? {} : { initrd }),
    ...(cmdline === undefined ? {} : { cmdline }),
  };
}

/** A port as `--port` writes it. */
function portOf(text: string): { name: string; socket: string } {
  const at = text.indexOf("=");
  if (at < 1 || at === text.length - 1) {
    throw usageError("bad-option", `--port ${text}: write NAME=SOCKET`);
  }
  return { name: text.slice(0, at), socket: text.slice(at + 1) };
}

/**
 * The machine that the options describe.
 *
 * @param defaultGuest when no option names one
 * @throws SplitXError what is wrong with them
 */
export async function configOf(
  values: OptionValues,
  defaultGuest: string,
): Promise<VmConfigInput> {
  const input = await guestOf(values, defaultGuest);
  for (
    const name of [
      "engine",
      "placement",
      "notification",
      "memory",
      "network",
      "mac",
      "cpuid",
      "irqchip",
      "console",
      "clock",
    ]
  ) {
    const text = textOf(values, name);
    if (text !== undefined) input[name] = text;
  }
  const alone = input.placement === "same-core" || input.clock === "virtual";
  if (values.guest === "linux" && input.network === undefined && !alone) {
    input.network = passtInstalled() ? "user" : "none";
  }
  for (const name of ["vcpus", "seed", "epoch"]) {
    const text = textOf(values, name);
    if (text !== undefined) input[name] = /^\d+$/.test(text) ? Number(text) : text;
  }
  const plan = textOf(values, "plan");
  if (plan !== undefined) {
    input.plan = parseWith(corePlanSchema, readJson(plan, "core plan"), `core plan ${plan}`);
  }
  const disk = textOf(values, "disk");
  if (disk !== undefined) {
    // Behind the root file system, when that is a disk.
    if (input.disk === undefined) input.disk = disk;
    else input.disks = [{ file: disk, writable: values.writable === true }];
  }
  const ports = textsOf(values, "port");
  if (ports.length > 0) input.ports = ports.map(portOf);
  if (values.overcommit) input.overcommit = true;
  if (values.writable) input.writable = true;
  if (values["trace-hash"]) input.traceHash = true;
  parseWith(vmConfigSchema, input, "options");
  return input as VmConfigInput;
}
