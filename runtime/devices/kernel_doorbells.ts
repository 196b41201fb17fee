/**
 * Notifications that the kernel takes: a write to one of a device's notification addresses rings the
 * bell of the core that serves the machine, and the vCPU goes on without leaving the kernel. A bell
 * does not say whose it was: it only ends the core's sleep, and a core that is awake looks at every
 * queue anyway.
 */
import type { Stub } from "../../cores/stub.ts";

/** See the head of this file. */
export class KernelDoorbells {
  readonly #stub: Stub;
  readonly #vm: number;
  readonly #core: number;

  /**
   * @param vm the stub's handle of the machine
   * @param core of the core that polls for it
   */
  constructor(stub: Stub, vm: number, core: number) {
    this.#stub = stub;
    this.#vm = vm;
    this.#core = core;
  }

  /**
   * The doorbells of one device: takes its notification addresses whenever they have moved. One that
   * the kernel refuses goes on as an exit.
   */
  ofDevice(): (addresses: readonly number[]) => void {
    let hung: readonly number[] = [];
    return (addresses) => {
      for (const address of hung) this.#hang(address, 0);
      hung = addresses.filter((address) => this.#hang(address, 1));
    };
  }

  #hang(address: number, present: number): boolean {
    const high = Math.floor(address / 2 ** 32);
    return this.#stub.sx_vm_doorbell(this.#vm, this.#core, address | 0, high, present) === 0;
  }
}
