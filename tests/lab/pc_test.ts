/** PCs on hardware KVM: several vCPUs, idling, interrupt controllers. One lab for all of it. */
import { match, ok, strictEqual } from "node:assert";
import { packagesTest } from "../debian_packages.ts";
import { cliLab } from "../support.ts";

/** Until every vCPU has left the guest: one waits for its SIPI, or halts. */
const OBEY_MS = 100;
/** With the messages between workers, which the lab emulates too. */
const STOP_MS = 1000;

packagesTest("PCs in the lab: two vCPUs, a stop at any moment, a split irqchip", async () => {
  const { code, stdout, stderr } = await cliLab(["deno", "run", "-A", "tests/lab/pc_machines.ts"]);
  strictEqual(code, 0, stdout + stderr);
  const machines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const [selfTest, stopEarly, stopIdle] = machines;

  match(selfTest.output, /^ok cpus 2\r?$/m);
  match(selfTest.output, /^splitx: exit 0\r?$/m);
  strictEqual(selfTest.end.code, 1); // 0 << 1 | 1
  ok(selfTest.engine.halt_exits > 0); // the vCPUs share a core, and give it up
  ok(selfTest.residentBytes > 16 * 1024 ** 2 && selfTest.residentBytes <= 256 * 1024 ** 2);

  match(stopIdle.output, /^lapic-deadline\r?$/m);
  match(stopIdle.output, /IO-APIC +4-edge +ttyS0/);
  match(stopIdle.output, /IO-APIC +9-fasteoi +acpi/);
  match(stopIdle.output, /KVM_HINTS_REALTIME/); // by its CPUID template
  // Every request was notified, and none by an exit to user space, as the kernel counts them: what is
  // left are the accesses to PCI and the IOAPIC by which Linux sets the machine up.
  ok(stopIdle.requests >= 2000);
  ok(stopIdle.engine.mmio_exits < stopIdle.requests / 4, `${stopIdle.engine.mmio_exits} exits`);
  strictEqual(stopIdle.mmio, stopIdle.engine.mmio_exits);
  strictEqual(stopIdle.disabled & 2, 2);
  strictEqual(stopIdle.halts, 0);
  for (const [when, { pauseMs, stopMs }] of Object.entries({ stopEarly, stopIdle })) {
    ok(pauseMs < OBEY_MS, `${when}: ${pauseMs} ms to pause`);
    ok(stopMs < STOP_MS, `${when}: ${stopMs} ms to stop`);
  }
});
