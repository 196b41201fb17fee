/**
 * Interrupts through the controllers that the kernel has for a machine. A message is one
 * KVM_SIGNAL_MSI. A write to an irqfd is one system call too and measured the same (median of six
 * rounds of 200,000: 0.54 us each, the vCPU outside the guest), and would need the kernel's routes
 * written anew whenever a guest moves an interrupt to another vCPU.
 */
import { check, type Stub } from "../../cores/stub.ts";
import type { InterruptLine, MessageSink } from "./device.ts";
import type { IoapicRoute } from "./ioapic.ts";

/** Indexes of the counters that {@link KernelInterrupts} keeps. */
export const INTERRUPT_COUNTER = { sent: 0, lost: 1, count: 2 } as const;

/** See the head of this file. */
export class KernelInterrupts implements MessageSink {
  readonly #stub: Stub;
  readonly #vm: number;
  readonly #counters: Float64Array;

  /**
   * @param vm the stub's handle of the machine
   * @param counters by {@link INTERRUPT_COUNTER}
   */
  constructor(stub: Stub, vm: number, counters: Float64Array) {
    this.#stub = stub;
    this.#vm = vm;
    this.#counters = counters;
  }

  send(addressLo: number, addressHi: number, data: number): void {
    const result = this.#stub.sx_vm_signal_msi(this.#vm, addressLo, addressHi, data);
    this.#counters[result > 0 ? INTERRUPT_COUNTER.sent : INTERRUPT_COUNTER.lost]!++;
  }

  /**
   * Tells the kernel what the level-triggered pins of an IOAPIC outside it send, so that it lets the
   * hypervisor know when such an interrupt has ended.
   *
   * @throws StubError when the kernel takes no routes
   */
  route(routes: readonly IoapicRoute[]): void {
    const words = new Int32Array(
      routes.flatMap(({ pin, address, data }) => [pin, address, 0, data]),
    );
    check(
      this.#stub,
      this.#stub.sx_vm_route(this.#vm, new Uint8Array(words.buffer), routes.length),
    );
  }

  /** A line of the IOAPIC and, below 16, of the PICs. */
  line(gsi: number): InterruptLine {
    let raised = false;
    return {
      set: (level) => {
        if (level === raised) return;
        raised = level;
        const result = this.#stub.sx_vm_irq_line(this.#vm, gsi, level ? 1 : 0);
        if (level) this.#counters[result < 0 ? INTERRUPT_COUNTER.lost : INTERRUPT_COUNTER.sent]!++;
      },
    };
  }
}
