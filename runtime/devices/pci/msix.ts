/** MSI-X: the table, the pending bits and the capability. Source: PCI Local Bus 3.0, 6.8.2. */
import { DONE } from "../../../cores/outcome.ts";
import type { Device, MessageSink } from "../device.ts";
import type { PciFunction } from "./pci_function.ts";

const CAPABILITY = 0x11;
/** Message control, the high byte: bit 7 enable, bit 6 function mask. */
const CONTROL_HIGH = 3, ENABLE = 0x80, FUNCTION_MASK = 0x40;
/** A table entry: address low, address high, data, control (bit 0 masked). */
const ENTRY_WORDS = 4, ADDRESS_LO = 0, ADDRESS_HI = 1, DATA = 2, CONTROL = 3, MASKED = 1;
/** Bytes of the BAR, and where the pending bits lie in it. */
const BAR_BYTES = 4096, PENDING = 0x800;
const MOST_VECTORS = PENDING / 4 / ENTRY_WORDS;

/** A vector number that stands for none (virtio 1.2, 4.1.5.1.2). */
export const NO_VECTOR = 0xffff;

/** See the head of this file. As a device it is the BAR with table and pending bits. */
export class Msix implements Device {
  /** How many vectors there are. */
  readonly vectors: number;
  readonly #function: PciFunction;
  readonly #sink: MessageSink;
  readonly #capability: number;
  readonly #table: Int32Array;
  readonly #pending: Int32Array;

  /** @param bar index of the BAR that it takes */
  constructor(pciFunction: PciFunction, bar: number, vectors: number, sink: MessageSink) {
    if (vectors < 1 || vectors > MOST_VECTORS) throw new RangeError(`${vectors} vectors`);
    this.vectors = vectors;
    this.#function = pciFunction;
    this.#sink = sink;
    this.#table = new Int32Array(vectors * ENTRY_WORDS);
    this.#pending = new Int32Array(Math.ceil(vectors / 32));
    const body = new Uint8Array(10), writable = new Uint8Array(10);
    const view = new DataView(body.buffer);
    view.setUint16(0, vectors - 1, true);
    view.setUint32(2, bar, true);
    view.setUint32(6, PENDING | bar, true);
    writable[1] = ENABLE | FUNCTION_MASK;
    this.#capability = pciFunction.addCapability(CAPABILITY, body, writable);
    pciFunction.addBar(bar, BAR_BYTES, this);
    const control = this.#capability + CONTROL_HIGH;
    pciFunction.watch(control, () => this.#sendPending());
    this.reset();
  }

  /** Masks and clears every entry, as at power-on. */
  reset(): void {
    this.#table.fill(0);
    for (let i = 0; i < this.vectors; i++) this.#table[i * ENTRY_WORDS + CONTROL] = MASKED;
    this.#pending.fill(0);
  }

  /** Sends a vector's message, or keeps it pending while it is masked. */
  trigger(vector: number): void {
    if (vector >= this.vectors) return;
    const control = this.#function.read(this.#capability + CONTROL_HIGH, 1);
    if ((control & ENABLE) === 0) return;
    const at = vector * ENTRY_WORDS;
    if ((control & FUNCTION_MASK) !== 0 || (this.#table[at + CONTROL]! & MASKED) !== 0) {
      this.#pending[vector >> 5]! |= 1 << (vector & 31);
      return;
    }
    this.#sink.send(
      this.#table[at + ADDRESS_LO]!,
      this.#table[at + ADDRESS_HI]!,
      this.#table[at + DATA]!,
    );
  }

  read(offset: number, size: number): number {
    const words = offset < PENDING ? this.#table : this.#pending;
    const word = words[offset % PENDING >> 2] ?? 0;
    return size === 4 ? word : word >> 8 * (offset & 3);
  }

  /** Only whole words: others have no effect that software may rely on. */
  write(offset: number, size: number, value: number): number {
    const at = offset >> 2;
    if (offset >= PENDING || size !== 4 || (offset & 3) !== 0 || at >= this.#table.length) {
      return DONE;
    }
    this.#table[at] = value;
    if (at % ENTRY_WORDS === CONTROL && (value & MASKED) === 0) this.#sendPending();
    return DONE;
  }

  #sendPending(): void {
    for (let vector = 0; vector < this.vectors; vector++) {
      const bit = 1 << (vector & 31);
      if ((this.#pending[vector >> 5]! & bit) === 0) continue;
      this.#pending[vector >> 5]! &= ~bit;
      this.trigger(vector);
    }
  }
}
