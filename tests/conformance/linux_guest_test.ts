/** The Linux guest is an ordinary one: QEMU's software processor and its virtio devices run it. */
import { match, ok, strictEqual } from "node:assert";
import { buildLinuxGuest, initrdWith } from "../../build/linux.ts";
import { linuxConfig } from "../../runtime/linux_guest.ts";
import { packagesTest } from "../debian_packages.ts";
import { makeImage, makeRoot } from "../linux/user_root.ts";
import { command, TempFile } from "../support.ts";

const LIMIT_MS = 60_000;
const MACHINE = [
  ...["-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "512"],
  ...["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"],
  ...["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
];

/** What is on the console when the guest's shell waits for a word. */
const PROMPT = "/ # ";

/**
 * Boots the guest: what it printed, and QEMU's exit code.
 *
 * @param answer typed when the guest's shell asks
 */
async function boot(
  kernel: string,
  initrd: string,
  commandLine: string,
  devices: readonly string[] = [],
  answer = "",
): Promise<{ output: string; code: number }> {
  const child = new Deno.Command("qemu-system-x86_64", {
    args: [
      ...[...MACHINE, ...devices, "-kernel", kernel, "-initrd", initrd],
      ...["-append", `console=ttyS0 quiet panic=-1 ${commandLine}`],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const keyboard = child.stdin.getWriter();
  let output = "", answered = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    if (answered || !output.includes(PROMPT)) continue;
    await keyboard.write(new TextEncoder().encode(answer));
    answered = true;
  }
  const { code } = await child.status;
  clearTimeout(timer);
  await keyboard.close();
  return { output: output.replaceAll("\r", ""), code };
}

packagesTest("the Linux guest finds every device of a QEMU machine in order", async () => {
  const { kernel, initrd } = await buildLinuxGuest(() => {});
  using disk = new TempFile("");
  Deno.truncateSync(disk.path, 64 * 1024 ** 2);
  const { output, code } = await boot(
    kernel,
    initrd,
    "splitx.script=/splitx/selftest splitx.cpus=2 splitx.memory=512",
    [
      ...["-drive", `if=virtio,format=raw,cache=unsafe,file=${disk.path}`],
      ...["-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci"],
    ],
  );
  const passed = [...output.matchAll(/^ok (\S+)/gm)].map((found) => found[1]);
  strictEqual(
    passed.join(" "),
    "cpus memory hypervisor-flag clock vda-mixed vda-large network random",
    output,
  );
  ok(!output.includes("FAIL"), output);
  match(output, /^pci 0000:00:\S+ 0x1af4 0x1001 0x010000 virtio-pci$/m);
  match(output, /^splitx: exit 0$/m);
  strictEqual(code, 1); // (0 << 1) | 1
});

packagesTest("the self-test fails where the machine has not what it should have", async () => {
  const { kernel, initrd } = await buildLinuxGuest(() => {});
  const { output, code } = await boot(
    kernel,
    initrd,
    "splitx.script=/splitx/selftest splitx.cpus=3 splitx.memory=1024",
  );
  const lines = output.split("\n").filter((line) => line.startsWith("FAIL"));
  match(lines.join("\n"), /^FAIL cpus 2\nFAIL memory \d+ MiB$/);
  match(output, /^ok clock/m);
  match(output, /^splitx: exit 1$/m);
  strictEqual(code, 1 << 1 | 1);
});

packagesTest("the Linux guest runs a script that was put into its initrd", async () => {
  const { kernel, initrd } = await buildLinuxGuest(() => {});
  using both = new TempFile(
    initrdWith([initrd], [{
      path: "splitx/script",
      bytes: new TextEncoder().encode("echo a script on $(uname -s)\nexit 42\n"),
    }]),
  );
  const { output, code } = await boot(kernel, both.path, "");
  match(output, /^a script on Linux\nsplitx: exit 42$/m);
  strictEqual(code, 42 << 1 | 1);
});

packagesTest("the Linux guest has a shell on its console when there is no script", async () => {
  const { kernel, initrd } = await buildLinuxGuest(() => {});
  const { output, code } = await boot(kernel, initrd, "", [], "exit 5\n");
  match(output, /exit 5\nsplitx: exit 5$/m);
  strictEqual(code, 5 << 1 | 1);
});

/** Boots a Linux guest with a root file system as its configuration says. */
async function bootRoot(rootfs: string) {
  const { guest, initrd, cmdline, disk } = await linuxConfig({ rootfs }, () => {});
  using file = new TempFile(initrd as Uint8Array);
  const drive = `if=virtio,format=raw,readonly=on,file=${disk}`;
  return await boot(guest, file.path, cmdline!, disk === undefined ? [] : ["-drive", drive]);
}

packagesTest(
  "the Linux guest gives way to a root file system: image, archive, folder",
  async () => {
    using root = new TempFile(""), image = new TempFile(""), archive = new TempFile("");
    Deno.removeSync(root.path);
    await makeRoot(root.folder);
    await makeImage(root.folder, image.path);
    const packed = await command("tar", ["-cJf", archive.path, "-C", root.folder, "."]);
    strictEqual(packed.code, 0, packed.stderr);
    for (
      const [rootfs, how] of [
        [image.path, "ext2/ext3\nproc\nttyS0\ndev\n(?!writable)"],
        [archive.path, "tmpfs\nproc\nttyS0\ndev\nwritable\n"],
        [root.folder, "tmpfs\nproc\nttyS0\ndev\nwritable\n"],
      ] as const
    ) {
      const { output, code } = await bootRoot(rootfs);
      match(output, new RegExp(`^init 1 of the user\n(.*\n)*root on ${how}`, "m"));
      strictEqual(code, 0);
    }
  },
);

packagesTest(
  "a root file system that cannot be used ends the Linux guest with its reason",
  async () => {
    using archive = new TempFile(Uint8Array.from([0x1f, 0x8b, 8, 0, 1, 2, 3]));
    const { output, code } = await bootRoot(archive.path);
    match(output, /^splitx: the root file system cannot be used\nsplitx: exit 1$/m);
    strictEqual(code, 1 << 1 | 1);
  },
);
