/** Puts a machine together in the stub: memory, vCPUs, image, what the guest finds by CPUID. */
import {
  ABI_VERSION,
  CPUID_FEATURES,
  CPUID_SIGNATURE,
  CPUID_TIMING,
  FEATURE_INTERRUPTS,
  HYPERCALL_PAGE_BYTES,
  HYPERCALL_PAGE_NOTIFICATION,
  HYPERCALL_PAGE_VCPU,
  HYPERCALL_PAGE_VERSION,
  NOTIFY_EXIT,
  NOTIFY_POLLED,
  SIGNATURE_EBX,
  SIGNATURE_ECX,
  SIGNATURE_EDX,
  VCPU_BLOCK_BYTES,
  VCPU_BLOCK_POSTED_PORTS,
} from "../cores/abi.ts";
import { type Engine, ENGINE_NUMBER } from "../cores/engine.ts";
import { GuestMemory } from "../cores/guest_memory.ts";
import { addressOf, check, type Stub, wordsAt } from "../cores/stub.ts";
import { createConsoleBuffer } from "../hypercalls/console_ring.ts";
import { buildAcpi } from "./acpi/acpi.ts";
import { loadKernel, type StartState } from "./boot/load.ts";
import { hypercallPages } from "./boot/memory_map.ts";
import type { VmConfig } from "./config.ts";
import { createCounters } from "./counters.ts";
import { readCpuidTemplate } from "./cpuid/read_template.ts";
import { type LeafWords, leafWords, templateLeaves, wholeLeaf } from "./cpuid/template.ts";
import { ECAM, PCI_MEMORY } from "./devices/platform.ts";
import { createInputBuffer } from "./devices/input_ring.ts";
import type { PollingPolicy } from "./devices/queue_poller.ts";
import { createQueueTable } from "./devices/virtio/queue_table.ts";
import { openDisks } from "./disk.ts";
import type { SettledConfig } from "./engine_config.ts";
import { postedPorts } from "./exit_router.ts";
import type { GuestFiles } from "./guest_image.ts";
import type {
  MachineDescription,
  NetworkDescription,
  VcpuDescription,
} from "./machine_description.ts";
import { LOOK_CYCLES, QUANTUM_CYCLES, VIRTUAL_KHZ } from "./machine_clock.ts";
import { macOf } from "./network/mac.ts";
import { parseNetwork } from "./network/network_name.ts";
import { connectPasst } from "./network/passt.ts";
import { openTap } from "./network/tap.ts";
import { PortServer } from "./port_server.ts";

const PAGE = 4096;

/** Of a virtual clock that is not told otherwise. */
const SEED = 1, EPOCH = Date.UTC(2000, 0, 1) / 1000;

/** What a machine must know of its host. */
export interface HostFacts {
  /** TSC frequency. */
  readonly tscKhz: number;
  /** Exits that the guest is spared: a mask for `sx_vm_disable_exits`. */
  readonly disabledExits: number;
}

/** A machine that can be started, and how to give back what it holds. */
export interface Machine {
  readonly description: MachineDescription;
  readonly memory: GuestMemory;
  /** Blocks of its vCPUs, and their hypercall pages. */
  readonly blocks: readonly Int32Array[];
  readonly pages: readonly Int32Array[];
  readonly ports: readonly PortServer[];
  /** Processes of its own beside this one. */
  readonly processes: readonly number[];
  /** Frees memory, vCPUs and files; its vCPUs must have stopped. */
  release(): void;
}

/**
 * Makes a machine.
 *
 * @param id unique in this runtime
 * @param host what the guest is told and spared; see {@link HostFacts}
 * @throws SplitXError what the configuration got wrong
 * @throws StubError what the host refused
 */
export function setUpMachine(
  stub: Stub,
  id: number,
  config: SettledConfig,
  files: GuestFiles,
  host: HostFacts,
): Machine {
  const undo: (() => void)[] = [];
  const release = () => {
    for (const step of undo.splice(0).reverse()) step();
  };
  try {
    const disks = openDisks(stub, config, (disk) => undo.push(() => stub.sx_file_close(disk.file)));
    const ports = config.ports.map(({ name, socket }) => {
      const port = new PortServer(name, socket);
      undo.push(() => port.close());
      return port;
    });
    const processes: number[] = [];
    const network = describeNetwork(stub, id, config, processes);
    if (network) undo.push(() => closeLink(stub, network));
    const vm = check(stub, stub.sx_vm_create(ENGINE_NUMBER[config.engine], config.memory / PAGE));
    undo.push(() => stub.sx_vm_destroy(vm));
    const virtual = config.clock === "virtual";
    const { seed = SEED, epoch = EPOCH } = config;
    const tscKhz = virtual ? VIRTUAL_KHZ : host.tscKhz;
    if (virtual) {
      const hash = config.traceHash ? 1 : 0;
      const khz = VIRTUAL_KHZ;
      check(stub, stub.sx_vm_set_clock(vm, khz, QUANTUM_CYCLES, LOOK_CYCLES, seed, 0, hash));
    }
    if (config.trace) {
      const halves = (value: number) => [value >>> 0, Math.floor(value / 2 ** 32)] as const;
      const { from, count } = config.trace;
      check(stub, stub.sx_vm_trace(vm, ...halves(from), ...halves(count)));
    }
    const address = addressOf(stub.sx_vm_memory(vm));
    const memory = new GuestMemory(address, config.memory);
    const pc = config.machine === "pc";
    const split = config.irqchip === "split";
    if (config.irqchip !== "none") check(stub, stub.sx_vm_create_irqchip(vm, split ? 1 : 0));
    if (host.disabledExits !== 0) check(stub, stub.sx_vm_disable_exits(vm, host.disabledExits));
    const rsdp = pc ? writeAcpi(memory, config.vcpus, !split) : undefined;
    const { image, initrd } = files;
    const start = loadKernel(memory, image.bytes, image.name, {
      cmdline: config.cmdline,
      vcpus: config.vcpus,
      ...(initrd ? { initrd } : {}),
      ...(rsdp === undefined ? {} : { rsdp }),
    });
    const firstPage = hypercallPages(config.memory, config.vcpus);
    const template = cpuidTemplate(config);
    const vcpus: VcpuDescription[] = [], blocks: Int32Array[] = [], pages: Int32Array[] = [];
    for (let index = 0; index < config.vcpus; index++) {
      const page = firstPage + index * HYPERCALL_PAGE_BYTES;
      const handle = check(stub, stub.sx_vcpu_create(vm, index));
      undo.push(() => stub.sx_vcpu_destroy(handle));
      writePageHeader(memory, page, index, config);
      const leaves = [
        ...template,
        ...(pc ? pcLeaves(config.engine, tscKhz) : microGuestLeaves(page, config, tscKhz)),
      ];
      const cpuid = new Uint32Array(leaves.flat());
      check(stub, stub.sx_vcpu_set_cpuid(handle, cpuid, leaves.length, config.vcpus));
      // The others of a PC wait for the first one's INIT and SIPI.
      if (!pc || index === 0) check(stub, setStart(stub, handle, start));
      const block = addressOf(stub.sx_vcpu_block_of(handle));
      const words = wordsAt(block, VCPU_BLOCK_BYTES);
      allowPosting(words, config.vcpus);
      vcpus.push({ handle, block, page });
      pages.push(memory.words(page, HYPERCALL_PAGE_BYTES));
      blocks.push(words);
    }
    const description: MachineDescription = {
      id,
      vm,
      memory: { address, bytes: config.memory },
      vcpus,
      console: createConsoleBuffer(),
      input: createInputBuffer(),
      polled: pc || disks.virtio.length > 0 || network !== null || config.console === "virtio" ||
        ports.length > 0,
      ioapic: split,
      counters: createCounters(config.vcpus),
      queueTable: createQueueTable(),
      disks,
      entropy: pc,
      virtioConsole: config.console === "virtio",
      ports: ports.map((port) => port.description),
      network,
      placement: config.placement,
      clock: virtual ? { epoch, seed } : null,
      polling: pollingPolicy(config),
    };
    return { description, memory, blocks, pages, ports, processes, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** When the device queues of a machine are polled. */
export function pollingPolicy({ notification, polling }: VmConfig): PollingPolicy {
  return { ...polling, startRate: notification === "polled" ? polling.startRate : Infinity };
}

/** What a guest is to do about a request. */
export function notificationWord({ notification }: VmConfig): number {
  return notification === "polled" ? NOTIFY_POLLED : NOTIFY_EXIT;
}

function describeNetwork(
  stub: Stub,
  id: number,
  config: VmConfig,
  processes: number[],
): NetworkDescription | null {
  const network = parseNetwork(config.network ?? "none");
  const mac = macOf(id, config.mac);
  switch (network?.kind) {
    case "switch":
      return { mac, link: network };
    case "tap":
      return { mac, link: { kind: "tap", handle: openTap(stub, network.device) } };
    case "user": {
      const { handle, process } = connectPasst(stub);
      if (process !== undefined) processes.push(process);
      return { mac, link: { kind: "stream", handle } };
    }
    default:
      return null;
  }
}

function closeLink(stub: Stub, { link }: NetworkDescription): void {
  if (link.kind === "tap") stub.sx_tap_close(link.handle);
  if (link.kind === "stream") stub.sx_stream_close(link.handle);
}

/** Ports that a PC's devices may get. */
const IO_WINDOWS = [{ first: 0, last: 0xcf7 }, { first: 0xd00, last: 0xffff }];

/** @returns where the RSDP lies */
function writeAcpi(memory: GuestMemory, vcpus: number, with8259: boolean): number {
  const { rsdp, blocks } = buildAcpi({
    vcpus,
    with8259,
    ecam: { address: ECAM, lastBus: 0 },
    ioWindows: IO_WINDOWS,
    mmio32: { first: PCI_MEMORY, last: ECAM - 1 },
  });
  for (const { address, bytes } of blocks) memory.write(address, bytes);
  return rsdp;
}

/** @returns the stub's result */
function setStart(stub: Stub, vcpu: number, start: StartState): number {
  const { entry } = start;
  switch (start.kind) {
    case "pvh":
      return stub.sx_vcpu_boot_pvh(vcpu, entry, start.startInfo);
    case "multiboot":
      return stub.sx_vcpu_boot_multiboot(vcpu, entry, start.info);
    case "long": {
      const { zeroPage, pageTables, gdt } = start;
      const high = Math.floor(entry / 2 ** 32);
      return stub.sx_vcpu_boot_long(vcpu, entry >>> 0, high, zeroPage, pageTables, gdt);
    }
  }
}

function writePageHeader(memory: GuestMemory, page: number, vcpu: number, config: VmConfig): void {
  const words = new Int32Array(3);
  words[HYPERCALL_PAGE_VERSION] = ABI_VERSION;
  words[HYPERCALL_PAGE_VCPU] = vcpu;
  words[HYPERCALL_PAGE_NOTIFICATION] = notificationWord(config);
  memory.write(page, new Uint8Array(words.buffer));
}

function cpuidTemplate({ cpuid }: VmConfig): LeafWords[] {
  if (cpuid === undefined) return [];
  return templateLeaves(typeof cpuid === "string" ? readCpuidTemplate(cpuid) : cpuid);
}

/** KVM's leaves, of which the first one says how many there are. */
const KVM_SIGNATURE = 0x40000000;
/** An APIC timer of KVM counts nanoseconds. */
const APIC_BUS_KHZ = 1_000_000;
/** TSC and crystal: the TSC has ebx / eax times the frequency in ecx (SDM volume 2, CPUID). */
const TSC_CRYSTAL = 0x15;
/** The crystal of the software processor, which its APIC timers count. */
const CRYSTAL_HZ = 1_000_000;
/** Linux multiplies the crystal's kHz by ebx in 32 bits: the ratio is in hundredths. */
const RATIO_DENOMINATOR = 100;

/** A PC's guest finds what its engine has, and the frequencies of TSC and APIC timer. */
function pcLeaves(engine: Engine, tscKhz: number): LeafWords[] {
  if (engine === "soft") {
    const ratio = Math.round(tscKhz * 1000 * RATIO_DENOMINATOR / CRYSTAL_HZ);
    return [wholeLeaf(TSC_CRYSTAL, RATIO_DENOMINATOR, ratio, CRYSTAL_HZ, 0)];
  }
  const lastLeaf = { value: CPUID_TIMING, mask: 0xffffffff };
  return [
    leafWords(KVM_SIGNATURE, 0, [lastLeaf, undefined, undefined, undefined]),
    wholeLeaf(CPUID_TIMING, Math.round(tscKhz), APIC_BUS_KHZ, 0, 0),
  ];
}

/** What a micro guest finds. */
function microGuestLeaves(page: number, config: SettledConfig, tscKhz: number): LeafWords[] {
  const features = config.irqchip === "none" ? 0 : FEATURE_INTERRUPTS;
  return [
    wholeLeaf(CPUID_SIGNATURE, CPUID_TIMING, SIGNATURE_EBX, SIGNATURE_ECX, SIGNATURE_EDX),
    wholeLeaf(CPUID_FEATURES, ABI_VERSION, features, page, Math.floor(page / 2 ** 32)),
    wholeLeaf(CPUID_TIMING, Math.round(tscKhz), 0, 0, 0),
  ];
}

function allowPosting(block: Int32Array, vcpus: number): void {
  for (const port of postedPorts(vcpus)) {
    block[VCPU_BLOCK_POSTED_PORTS + (port >> 5)]! |= 1 << (port & 31);
  }
}
