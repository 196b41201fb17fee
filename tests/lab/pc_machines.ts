/**
 * Runs on hardware KVM, in the lab: PCs with Linux, one after the other. Prints a line of JSON for
 * each, which `pc_test.ts` reads.
 */
import { join } from "node:path";
import { linuxConfig, Runtime, type Vm, type VmConfigInput } from "../../runtime/mod.ts";
import { PROJECT, runVm, TempFile } from "../support.ts";

const DISK_BYTES = 80 * 1024 ** 2;
const quiet = () => {};

async function timeOf(what: () => Promise<void>): Promise<number> {
  const before = performance.now();
  await what();
  return performance.now() - before;
}

/** The fastest of a few pauses: the processor is an emulated one, and shared. */
async function fastestPause(vm: Vm): Promise<number> {
  let fastest = Infinity;
  for (let i = 0; i < 5; i++) {
    fastest = Math.min(fastest, await timeOf(() => vm.pause()));
    vm.resume();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return fastest;
}

/** Two vCPUs, and a guest that looks at what it has and powers off. */
async function selfTest(runtime: Runtime): Promise<unknown> {
  const config = await linuxConfig({
    script: join(PROJECT, "guests/linux/selftest.sh"),
    cmdline: "splitx.cpus=2 splitx.memory=256",
  }, quiet);
  const { output, end, stats } = await runVm(runtime, {
    ...config,
    engine: "kvm",
    vcpus: 2,
    overcommit: true,
  });
  return { output, end, engine: stats.engine, residentBytes: stats.residentBytes };
}

/** The second vCPU waits for its SIPI, which the first one has not sent yet. */
async function stopEarly(runtime: Runtime): Promise<unknown> {
  const config = await linuxConfig({}, quiet);
  await using vm = runtime.createVm({ ...config, engine: "kvm", vcpus: 2, overcommit: true });
  await vm.start();
  return { pauseMs: await fastestPause(vm), stopMs: await timeOf(() => vm.stop()) };
}

/** Says what ticks and which interrupts go through the IOAPIC, reads, and then has nothing to do. */
const IDLE = `
cat /sys/devices/system/clockevents/clockevent0/current_device
grep IO-APIC /proc/interrupts
dmesg | grep 'PV spinlocks'
dd if=/dev/vda of=/dev/null bs=4k count=2000 iflag=direct
echo idle
sleep 1000
`;

/** A vCPU with a core of its own, which halts there; the kernel has its local APIC only. */
async function stopIdle(runtime: Runtime): Promise<unknown> {
  using script = new TempFile(IDLE);
  const linux = await linuxConfig({ script: script.path }, quiet);
  using disk = new TempFile("");
  Deno.truncateSync(disk.path, DISK_BYTES);
  const config: VmConfigInput = {
    ...linux,
    irqchip: "split",
    cpuid: "dedicated",
    disk: disk.path,
    notification: "exit",
  };
  await using vm = runtime.createVm({ ...config, engine: "kvm" });
  await vm.start();
  let output = "";
  const decoder = new TextDecoder();
  for await (const bytes of vm.console) {
    output += decoder.decode(bytes, { stream: true });
    if (output.includes("idle\n") || output.includes("idle\r\n")) break;
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = vm.stats();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const stats = vm.stats();
  return {
    output,
    disabled: runtime.disabledExits(vm.config, vm.plan),
    halts: stats.engine.halt_exits! - before.engine.halt_exits!,
    requests: stats.queueRequests,
    mmio: stats.vcpus[0]!.exits["ept-violation"],
    engine: stats.engine,
    cpuNs: stats.vcpus[0]!.cpuNs - before.vcpus[0]!.cpuNs,
    pauseMs: await fastestPause(vm),
    stopMs: await timeOf(() => vm.stop()),
  };
}

await using runtime = await Runtime.open({ progress: quiet });
for (const [name, run] of Object.entries({ selfTest, stopEarly, stopIdle })) {
  console.log(JSON.stringify({ name, ...await run(runtime) as Record<string, unknown> }));
}
