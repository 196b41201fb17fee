/** A host that lacks something: exit code 3, what is missing and the command that adds it. */
import { match, ok, strictEqual } from "node:assert";
import { labTest } from "../debian_packages.ts";
import {
  cliLab,
  cliRun,
  command,
  emptyCache,
  engineNamespaceTest,
  engineTest,
  namespaceTest,
  TempFile,
} from "../support.ts";

const DENO = [Deno.execPath(), "run", "-A", "cli/run.ts", "--once", "--guest", "hello"];
const ON_KVM = [...DENO, "--engine", "kvm"].join(" ");

Deno.test("run without a C compiler and with an empty cache says how to install one", async () => {
  using cache = new TempFile("");
  const { code, stderr } = await cliRun(["--guest", "hello"], {
    PATH: cache.folder, // nothing is in it that could be run
    ...emptyCache(cache.folder),
  });
  strictEqual(code, 3, stderr);
  match(stderr, /no C compiler \(cc\) on this host: .*apt-get install -y gcc libc6-dev$/m);
  const left = [...Deno.readDirSync(`${cache.folder}/splitx`)].map((entry) => entry.name);
  strictEqual(left.join(), ""); // nothing half built
});

Deno.test("lab without Debian's package tools names them", async () => {
  using empty = new TempFile("");
  const { code, stderr } = await cliLab(["true"], { PATH: empty.folder });
  match(stderr, /^lab: no apt-cache on this host.* install it, .*: dnf install -y apt dpkg$/m);
  strictEqual(code, 3);
});

labTest("lab without QEMU says how to install it", async () => {
  using path = new TempFile("");
  for (
    const program of [
      "apt-get",
      "apt-cache",
      "dpkg-deb",
      "tar",
      "as",
      "ld",
      "ldd",
      "bash",
      "git",
      "cc",
    ]
  ) {
    const { stdout } = await command("which", [program]);
    Deno.symlinkSync(stdout.trimEnd(), `${path.folder}/${program}`);
  }
  const { code, stderr } = await cliLab(["true"], { PATH: path.folder });
  match(stderr, /^lab: no qemu-system-x86_64 on this host: .*apt-get install -y qemu-system-x86$/m);
  strictEqual(code, 3);
});

/** Runs a shell script in a mount namespace of its own. */
function hidden(script: string) {
  return command("unshare", ["--mount", "--propagation", "private", "sh", "-ec", script]);
}

/** A /dev with the devices that a program needs, and what `kvm` makes of /dev/kvm. */
function deviceFolder(kvm: string): string {
  return `
    new=$(mktemp -d)
    mount -t tmpfs none "$new"
    cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty "$new"
    ln -s /proc/self/fd "$new/fd"
    ${kvm}
    mount --move "$new" /dev
    rmdir "$new"`;
}

namespaceTest("run that wants KVM without /dev/kvm says what to load", async () => {
  const { code, stderr } = await hidden(`${deviceFolder("")}\n${ON_KVM}`);
  match(stderr, /^run: \/dev\/kvm does not exist: load the kvm module \(modprobe .*\)$/m);
  strictEqual(code, 3);
});

engineNamespaceTest("run without /dev/kvm takes the software processor and says why", async () => {
  const { code, stdout, stderr } = await hidden(`${deviceFolder("")}\n${DENO.join(" ")}`);
  match(stdout, /^engine: soft, because \/dev\/kvm does not exist: load the kvm module/m, stderr);
  match(stdout, /^hello from ring 3 on splitx$/m);
  strictEqual(code, 0);
});

namespaceTest("run that may not open /dev/kvm says which group to join", async () => {
  const forbidden = `mknod -m 000 "$new/kvm" c 10 232`;
  const unprivileged = "setpriv --bounding-set=-dac_override,-dac_read_search";
  const { code, stderr } = await hidden(
    `${deviceFolder(forbidden)}\n${unprivileged} ${ON_KVM}`,
  );
  match(stderr, /^run: \/dev\/kvm may not be opened: join its group/m);
  strictEqual(code, 3);
});

namespaceTest("run with a /dev/kvm that is something else says so", async () => {
  const other = `mknod "$new/kvm" c 1 3`;
  const { code, stderr } = await hidden(`${deviceFolder(other)}\n${ON_KVM}`);
  match(stderr, /^run: \/dev\/kvm cannot be used: ioctl KVM_GET_API_VERSION: /m);
  strictEqual(code, 3);
});

namespaceTest("run refuses a disk that may not be read", async () => {
  using disk = new TempFile("secret");
  Deno.chmodSync(disk.path, 0);
  const { code, stderr } = await command("setpriv", [
    "--bounding-set=-dac_override,-dac_read_search",
    ...DENO,
    ...["--disk", disk.path],
  ]);
  match(stderr, /^run: disk \/.* may not be opened$/m);
  strictEqual(code, 2);
});

engineTest("run with a state folder that cannot be written still runs", async () => {
  const { code, stdout, stderr } = await cliRun(["--guest", "hello"], {
    XDG_STATE_HOME: "/proc/nowhere",
  });
  strictEqual(code, 0, stderr);
  match(stderr, /^the record was not kept: /m);
  ok(stdout.includes("hello from ring 3"));
});
