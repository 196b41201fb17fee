/** PCs on hardware KVM: several vCPUs, idling, interrupt controllers. One lab for all of it. */
import { match, ok, strictEqual } from "node:assert";
import { packagesTest } from "../debian_packages.ts";
import { command } from "../support.ts";

const STOP_MS = 100;
/** A single one, whose messages between workers are emulated too. */
const STOP_ONCE_MS = 1000;

packagesTest("PCs in the lab: two vCPUs, a stop at any moment, a split irqchip", async () => {
  const { code, stdout, stderr } = await command(Deno.execPath(), [
    ...["run", "-A", "cli/lab.ts", "--"],
    ...["deno", "run", "-A", "tests/lab/pc_machines.ts"],
  ]);
  strictEqual(code, 0, stdout + stderr);
  const machines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const [selfTest, stopEarly, stopIdle] = machines;

  match(selfTest.output, /^ok cpus 2\r?$/m);
  match(selfTest.output, /^splitx: exit 0\r?$/m);
  strictEqual(selfTest.end.code, 1); // 0 << 1 | 1
  ok(selfTest.queueRequests >= 10_000);
  // What the kernel counts as exits to user space, and what came to it.
  const mmio = selfTest.mmio[0] + selfTest.mmio[1];
  ok(mmio <= selfTest.kvm.mmio_exits, `${mmio} of ${selfTest.kvm.mmio_exits}`);
  ok(mmio < selfTest.queueRequests / 10, `${mmio} exits for ${selfTest.queueRequests} requests`);
  ok(selfTest.kvm.halt_exits > 0); // the vCPUs share a core, and give it up
  ok(selfTest.residentBytes > 16 * 1024 ** 2 && selfTest.residentBytes <= 256 * 1024 ** 2);

  ok(stopEarly.ms < STOP_MS, `${stopEarly.ms} ms while a vCPU waits for SIPI`);

  match(stopIdle.output, /^lapic-deadline\r?$/m);
  match(stopIdle.output, /IO-APIC +4-edge +ttyS0/);
  match(stopIdle.output, /IO-APIC +9-fasteoi +acpi/);
  match(stopIdle.output, /KVM_HINTS_REALTIME/); // by its CPUID template
  strictEqual(stopIdle.disabled & 2, 2);
  strictEqual(stopIdle.halts, 0);
  ok(stopIdle.pauseMs < STOP_MS, `${stopIdle.pauseMs} ms while the guest halts`);
  ok(stopIdle.stopMs < STOP_ONCE_MS, `${stopIdle.stopMs} ms while the guest halts`);
});
