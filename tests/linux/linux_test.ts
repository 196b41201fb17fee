/** An unmodified Debian kernel on the engine that this host has: boots, processors, loads, a compiler. */
import { match, ok, strictEqual } from "node:assert";
import { Runtime } from "../../runtime/runtime.ts";
import { linuxTest } from "../debian_packages.ts";
import { command, TempFile } from "../support.ts";
import { makeDebianRoot } from "./debian_root.ts";
import { runLinux, shell } from "./here.ts";

const BOOTS = 20;
/** What `scriptExitCode()` makes an exit code of. */
const DONE = 1;

linuxTest("the self-test passes on two processors, a disk and a network", async () => {
  using folder = new TempFile("");
  const { code, stdout, stderr } = await shell(
    `truncate -s 80M "$1/disk"
     deno run -A cli/run.ts --guest linux --vcpus 2 --overcommit \
       --disk "$1/disk" --writable --cmdline splitx.cpus=2 --script guests/linux/selftest.sh`,
    folder.folder,
  );
  const output = stdout.replaceAll("\r", "");
  for (const what of ["cpus 2", "memory", "clock", "vda-mixed", "vda-large", "random"]) {
    match(output, new RegExp(`^ok ${what}`, "m"), output + stderr);
  }
  strictEqual(code, 0, output);
});

linuxTest(`${BOOTS} boots in a row reach their script`, async () => {
  await using runtime = await Runtime.open();
  for (let boot = 0; boot < BOOTS; boot++) {
    const { output, end } = await runLinux(runtime, "echo up; exit 0", { network: "lan" });
    match(output, /^up\nsplitx: exit 0\n/m, `boot ${boot}`);
    strictEqual(end.code, DONE);
  }
});

linuxTest("four processors start, share work and stop", async () => {
  await using runtime = await Runtime.open();
  const script = `
    grep -c ^processor /proc/cpuinfo
    for cpu in 0 1 2 3; do
      (taskset -c $cpu sh -c 'n=0; while [ $n -lt 2000 ]; do n=$((n+1)); done; echo $n') &
    done
    wait
    grep -E 'RES|CAL' /proc/interrupts > /dev/null && echo counted`;
  const { output, end } = await runLinux(runtime, script, { vcpus: 4, overcommit: true });
  match(output, /^4\n(2000\n){4}counted\n/m);
  strictEqual(end.code, DONE);
});

linuxTest("stress-ng verifies processor and memory, and finds nothing", async () => {
  using root = new TempFile("");
  Deno.removeSync(root.path);
  await makeDebianRoot(root.folder, ["stress-ng"]);
  await using runtime = await Runtime.open();
  using archive = new TempFile("");
  await pack(root.folder, archive.path);
  const { output } = await runLinux(
    runtime,
    'stress-ng --cpu 2 --vm 2 --vm-bytes 32M --verify -t 30 2>&1; echo "code $?"',
    { memory: "512M" },
    { rootfs: archive.path },
  );
  match(output, /successful run completed/);
  match(output, /^code 0$/m, output);
  ok(!/fail|error/i.test(output), output);
});

linuxTest("tcc in the guest makes a program that is right", async () => {
  using root = new TempFile(""), archive = new TempFile("");
  Deno.removeSync(root.path);
  await makeDebianRoot(root.folder, ["tcc", "libc6-dev", "linux-libc-dev"]);
  await pack(root.folder, archive.path);
  await using runtime = await Runtime.open();
  const script = `
    cat > /tmp/primes.c << 'END'
#include <math.h>
#include <stdio.h>
int main(void) {
  long sum = 0;
  for (int n = 2; n < 20000; n++) {
    int prime = 1;
    for (int d = 2; d * d <= n; d++) if (n % d == 0) prime = 0;
    if (prime) sum += n;
  }
  printf("%ld %.6f\\n", sum, sqrt(2.0) * 1000);
  return 42;
}
END
    tcc -o /tmp/primes /tmp/primes.c -lm; echo "tcc $?"
    /tmp/primes; echo "primes $?"`;
  const { output } = await runLinux(runtime, script, { memory: "512M" }, { rootfs: archive.path });
  match(output, /^tcc 0\n21171191 1414.213562\nprimes 42\n/m, output);
});

async function pack(folder: string, archive: string): Promise<void> {
  const { code, stderr } = await command("tar", ["-cf", archive, "-C", folder, "."]);
  strictEqual(code, 0, stderr);
}
