/** An unmodified Linux on our own devices, on hardware KVM. */
import { match, strictEqual } from "node:assert";
import { packagesTest } from "../debian_packages.ts";
import { cliLab } from "../support.ts";

packagesTest("an unmodified Linux passes its self-test on a virtio disk of ours", async () => {
  const { code, stdout } = await cliLab([
    "sh",
    "-c",
    "dd if=/dev/zero of=/tmp/disk bs=1M count=80 2> /dev/null; " +
    "deno task run --engine kvm --guest linux --disk /tmp/disk --writable " +
    "--cmdline splitx.cpus=1 --script guests/linux/selftest.sh",
  ]);
  match(stdout, /^pci 0000:00:01.0 0x1af4 0x1042 0x010000 virtio-pci$/m);
  for (const what of ["cpus", "memory", "clock", "vda-mixed", "vda-large"]) {
    match(stdout, new RegExp(`^ok ${what}`, "m"), stdout);
  }
  strictEqual(code, 0, stdout);
});

packagesTest("the exit code of a Linux guest's script is the run's", async () => {
  const script = "echo 'echo it is $((40 + 2)); exit 7' > /tmp/s; " +
    "deno task run --engine kvm --guest linux --script /tmp/s";
  const { code, stdout } = await cliLab(["sh", "-c", script]);
  match(stdout, /^it is 42\r?$/m);
  strictEqual(code, 7);
});
