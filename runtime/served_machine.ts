/** A machine on the core that serves it: its services, its exits, and how it ends. */
import {
  COMMAND_STOP,
  EVENT_ADDR_HI,
  EVENT_ADDR_LO,
  EVENT_DETAIL,
  EVENT_REASON,
  EVENT_RIP_HI,
  EVENT_RIP_LO,
  EXIT_ENGINE_ERROR,
  EXIT_ENTRY_FAILURE,
  EXIT_TRIPLE_FAULT,
  HYPERCALL_PAGE_BYTES,
  VCPU_BLOCK_BYTES,
} from "../cores/abi.ts";
import { GuestMemory } from "../cores/guest_memory.ts";
import type { Pollable, Served } from "../cores/hypervisor_loop.ts";
import type { ServedVcpu } from "../cores/same_core_loop.ts";
import { type Stub, wordsAt } from "../cores/stub.ts";
import { type Machine, VcpuChannel } from "../cores/vcpu_channel.ts";
import { BlockService } from "../hypercalls/block.ts";
import { ClockService } from "../hypercalls/clock.ts";
import { ConsoleService } from "../hypercalls/console.ts";
import { ConsoleWriter } from "../hypercalls/console_ring.ts";
import { InputReader } from "./devices/input_ring.ts";
import { Hypercalls } from "../hypercalls/hypercalls.ts";
import { machineCounters, vcpuCounters } from "./counters.ts";
import { Platform } from "./devices/platform.ts";
import type { PollingPolicy } from "./devices/queue_poller.ts";
import { type Buses, ExitRouter } from "./exit_router.ts";
import { HostClock, VirtualClock } from "./machine_clock.ts";
import type { NetworkPlace, Networks } from "./network/networks.ts";
import type { PortLine } from "./devices/device.ts";
import type {
  LastExit,
  MachineDescription,
  MachineEnd,
  PortDescription,
} from "./machine_description.ts";

const REASONS = new Map([
  [EXIT_TRIPLE_FAULT, "triple fault"],
  [EXIT_ENTRY_FAILURE, "the engine refused the guest's state"],
  [EXIT_ENGINE_ERROR, "the engine could not run the guest on"],
]);

function exitAt(words: Int32Array, at: number): LastExit {
  const pair = (lo: number, hi: number) =>
    BigInt(words[at + hi]! >>> 0) << 32n | BigInt(words[at + lo]! >>> 0);
  return {
    reason: words[at + EVENT_REASON]!,
    address: pair(EVENT_ADDR_LO, EVENT_ADDR_HI),
    rip: pair(EVENT_RIP_LO, EVENT_RIP_HI),
    detail: words[at + EVENT_DETAIL]!,
  };
}

function portLine({ name, input, output }: PortDescription): PortLine {
  const reader = new InputReader(input);
  return {
    name,
    input: reader,
    output: new ConsoleWriter(output),
    get open() {
      return reader.open;
    },
  };
}

/** See the head of this file. */
export class ServedMachine implements Machine {
  readonly id: number;
  readonly exits: ExitRouter;
  readonly calls: Hypercalls;
  /** What serves each vCPU. */
  readonly vcpus: readonly ServedVcpu[];
  /** What the loop polls: the vCPUs, and the device queues when there are any. */
  readonly served: readonly Served[];
  readonly #stub: Stub;
  readonly #description: MachineDescription;
  readonly #network: NetworkPlace | null;
  readonly #platform: Platform;
  readonly #onEnd: (end: MachineEnd) => void;
  #live = true;

  /**
   * @param poller the stub's handle of the core that polls for it, undefined under same-core placement
   * @param networks of the core
   * @param onEnd called once, when the guest ends itself or fails
   */
  constructor(
    stub: Stub,
    description: MachineDescription,
    ticksPerNs: number,
    poller: number | undefined,
    networks: Networks,
    onEnd: (end: MachineEnd) => void,
  ) {
    this.#stub = stub;
    this.#description = description;
    this.#onEnd = onEnd;
    this.id = description.id;
    const memory = new GuestMemory(description.memory.address, description.memory.bytes);
    const counters = machineCounters(description.counters);
    const output = new ConsoleWriter(description.console);
    const console = new ConsoleService(memory, output);
    const block = new BlockService(stub, description.vm, memory, description.disks.service);
    const ticksPerMs = ticksPerNs * 1e6;
    const virtual = description.clock && new VirtualClock(description.placement, description.clock);
    const clock = virtual ?? new HostClock(stub, ticksPerMs);
    this.#network = description.network &&
      networks.join(description.id, description.vm, ticksPerMs, description.network);
    const platform = new Platform({
      stub,
      vm: description.vm,
      memory,
      disks: description.disks.virtio,
      network: this.#network,
      ioapic: description.ioapic,
      virtioConsole: description.virtioConsole,
      ports: description.ports.map(portLine),
      entropy: description.entropy,
      output,
      input: new InputReader(description.input),
      polling: description.polling,
      // Nobody polls on a virtual clock: queues are served while their driver waits.
      poller: virtual ? undefined : poller,
      clock,
      counters,
      queueTable: description.queueTable,
    });
    this.#platform = platform;
    const buses: Buses = {
      ports: platform.ports,
      memory: platform.memory,
      power: platform.power,
      endOfInterrupt: (vector) => platform.endOfInterrupt(vector),
      settle: () => {
        platform.settle();
        for (const vcpu of this.vcpus) vcpu.channel.answerDue();
      },
    };
    this.exits = new ExitRouter(buses, counters);
    this.calls = new Hypercalls(console, new ClockService(clock), block, counters);
    this.vcpus = description.vcpus.map((vcpu, index) =>
      this.#serve(
        new VcpuChannel(
          wordsAt(vcpu.block, VCPU_BLOCK_BYTES),
          memory.words(vcpu.page, HYPERCALL_PAGE_BYTES),
          this,
          vcpuCounters(description.counters, index),
          clock.ticks,
          clock.ticksPerMs / 1e6,
          virtual ?? undefined,
        ),
      )
    );
    if (virtual) {
      virtual.dueAt = () =>
        this.vcpus.reduce((least, { channel }) => Math.min(least, channel.due), Infinity);
    }
    this.served = description.polled && !virtual
      ? [...this.vcpus, this.#serve(platform)]
      : this.vcpus;
  }

  /** When its device queues are polled, from now on. */
  set polling(policy: PollingPolicy) {
    this.#platform.polling = policy;
  }

  /** Gives back what it shares with others. To be called once, when it is served no more. */
  leave(): void {
    if (this.#network) this.#network.port.up = false;
  }

  #serve<T extends Pollable>(channel: T): Served & { readonly channel: T } {
    // deno-lint-ignore no-this-alias
    const machine = this;
    return {
      channel,
      get live() {
        return machine.#live;
      },
      crashed: (error) => machine.#crashed(error),
    };
  }

  poweredOff(code: number): void {
    this.#end({ kind: "powered-off", code });
  }

  failed(words: Int32Array, at: number): void {
    const lastExit = exitAt(words, at);
    const reason = REASONS.get(lastExit.reason) ?? `exit ${lastExit.reason} that nothing serves`;
    this.#end({ kind: "failed", reason, lastExit });
  }

  #crashed(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#end({ kind: "failed", reason: `a handler failed: ${reason}` });
  }

  #end(end: MachineEnd): void {
    if (!this.#live) return;
    this.#live = false;
    for (const vcpu of this.#description.vcpus) {
      this.#stub.sx_vcpu_command(vcpu.handle, COMMAND_STOP);
    }
    this.#onEnd(end);
  }
}
