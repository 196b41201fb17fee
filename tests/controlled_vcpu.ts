/**
 * One vCPU of the soft engine in the hands of a test: registers, controls, memory, and what is
 * recorded of an exit. It begins in 64-bit mode in ring 0, on tables of its own.
 */
import * as abi from "../cores/abi.ts";
import { addressOf, check, type Stub } from "../cores/stub.ts";

/** Guest-physical addresses, which are the linear ones, too. */
export const AT = {
  gdt: 0x1000,
  idt: 0x2000,
  tss: 0x3000,
  tables: 0x4000,
  /** The handler of vector v is a HLT at `handlers + v`. */
  handlers: 0x8000,
  stack: 0xf000,
  code: 0x10000,
  data: 0x30000,
} as const;

/** Selectors of the GDT. */
export const SELECTOR = {
  code64: 0x08,
  data: 0x10,
  code32: 0x18,
  userCode: 0x23,
  userData: 0x2b,
  tss: 0x30,
  ldt: 0x40,
  otherTss: 0x50,
  taskGate: 0x58,
} as const;

const DESCRIPTORS = [
  0n,
  0x00af9b000000ffffn,
  0x00cf93000000ffffn,
  0x00cf9b000000ffffn,
  0x00affb000000ffffn,
  0x00cff3000000ffffn,
  0x00008b0000000067n | BigInt(AT.tss) << 16n,
  0n,
  0x0000820000000007n | BigInt(AT.gdt) << 16n,
  0n,
  0x0000890000000067n | BigInt(AT.tss) << 16n,
  0x0000850000000000n | 0x50n << 16n,
];

const PAGES = 1024;
const LARGE_PAGE = 0x200000;
const ENTRIES = 512;
const GATE_BYTES = 16;
const VECTORS = 256;
const TSS_BYTES = 0x68;
const PRESENT_WRITABLE_USER = 7n;
const LARGE = 0x80n;

export const SEGMENT = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5, ldtr: 6, tr: 7 } as const;
export const REGISTER = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rsp: 4, rbp: 5, rsi: 6, rdi: 7 } as const;
export type Register = keyof typeof REGISTER;

/** Registers that tests set and read; a name of one that is no general register is its field's. */
export class State {
  readonly bytes = new Uint8Array(abi.VCPU_STATE_BYTES);
  readonly #view = new DataView(this.bytes.buffer);

  get64(word: number): bigint {
    return this.#view.getBigUint64(word * 4, true);
  }
  set64(word: number, value: bigint): void {
    this.#view.setBigUint64(word * 4, value, true);
  }
  get32(word: number): number {
    return this.#view.getUint32(word * 4, true);
  }
  set32(word: number, value: number): void {
    this.#view.setUint32(word * 4, value, true);
  }
  register(name: Register): bigint {
    return this.get64(abi.VCPU_STATE_REGISTERS + 2 * REGISTER[name]);
  }
  setRegister(name: Register, value: bigint): void {
    this.set64(abi.VCPU_STATE_REGISTERS + 2 * REGISTER[name], value);
  }
  get rip(): number {
    return Number(this.get64(abi.VCPU_STATE_RIP));
  }
  set rip(value: number) {
    this.set64(abi.VCPU_STATE_RIP, BigInt(value));
  }
  get rflags(): bigint {
    return this.get64(abi.VCPU_STATE_RFLAGS);
  }
  set rflags(value: bigint) {
    this.set64(abi.VCPU_STATE_RFLAGS, value);
  }
  setSegment(index: number, selector: number, access: number, base = 0, limit = 0xffffffff): void {
    const at = abi.VCPU_STATE_SEGMENTS + index * abi.SEGMENT_BYTES / 4;
    this.set64(at + abi.SEGMENT_BASE, BigInt(base));
    this.set32(at + abi.SEGMENT_LIMIT, limit);
    this.set32(at + abi.SEGMENT_ACCESS, access);
    this.set32(at + abi.SEGMENT_SELECTOR, selector);
  }
}

/** Fields of the controls; what is not named is 0. */
export interface Controls {
  readonly pin?: number;
  readonly primary?: number;
  readonly secondary?: number;
  readonly exit?: number;
  readonly always?: number;
  readonly exceptions?: number;
  readonly pageFaultMask?: number;
  readonly pageFaultMatch?: number;
  readonly cr0Mask?: bigint;
  readonly cr0Shadow?: bigint;
  readonly cr4Mask?: bigint;
  readonly cr4Shadow?: bigint;
  readonly cr3Targets?: readonly bigint[];
  readonly timer?: number;
  readonly pauseGap?: number;
  readonly pauseWindow?: number;
  /** Ports that exit. */
  readonly ports?: readonly number[];
  /** Bits of the MSR bitmap: byte offset * 8 + bit. */
  readonly msrBits?: readonly number[];
}

/** The controls as the stub takes them. */
export function encodeControls(controls: Controls): Uint8Array {
  const bytes = new Uint8Array(abi.CONTROLS_BYTES);
  const view = new DataView(bytes.buffer);
  const put32 = (word: number, value = 0) => view.setUint32(word * 4, value, true);
  const put64 = (word: number, value = 0n) => view.setBigUint64(word * 4, value, true);
  put32(abi.CONTROLS_PIN, controls.pin);
  put32(abi.CONTROLS_PRIMARY, controls.primary);
  put32(abi.CONTROLS_SECONDARY, controls.secondary);
  put32(abi.CONTROLS_EXIT, controls.exit);
  put32(abi.CONTROLS_ALWAYS, controls.always);
  put32(abi.CONTROLS_EXCEPTION_BITMAP, controls.exceptions);
  put32(abi.CONTROLS_PAGE_FAULT_MASK, controls.pageFaultMask);
  put32(abi.CONTROLS_PAGE_FAULT_MATCH, controls.pageFaultMatch);
  put64(abi.CONTROLS_CR0_MASK, controls.cr0Mask);
  put64(abi.CONTROLS_CR0_SHADOW, controls.cr0Shadow);
  put64(abi.CONTROLS_CR4_MASK, controls.cr4Mask);
  put64(abi.CONTROLS_CR4_SHADOW, controls.cr4Shadow);
  const targets = controls.cr3Targets ?? [];
  targets.forEach((target, i) => put64(abi.CONTROLS_CR3_TARGETS + 2 * i, target));
  put32(abi.CONTROLS_CR3_TARGET_COUNT, targets.length);
  put32(abi.CONTROLS_PREEMPTION_TIMER, controls.timer);
  put32(abi.CONTROLS_PAUSE_GAP, controls.pauseGap);
  put32(abi.CONTROLS_PAUSE_WINDOW, controls.pauseWindow);
  const setBit = (word: number, bit: number) => bytes[word * 4 + (bit >> 3)]! |= 1 << (bit & 7);
  for (const port of controls.ports ?? []) setBit(abi.CONTROLS_IO_BITMAP, port);
  for (const bit of controls.msrBits ?? []) setBit(abi.CONTROLS_MSR_BITMAP, bit);
  return bytes;
}

/** What is recorded of an exit. */
export interface Exit {
  readonly reason: number;
  readonly length: number;
  readonly information: number;
  readonly interruption: number;
  readonly interruptionError: number;
  readonly vectoring: number;
  readonly vectoringError: number;
  readonly timer: number;
  readonly qualification: bigint;
  readonly linear: bigint;
  readonly physical: bigint;
  /** Whether controls made it. */
  readonly controlled: boolean;
}

/** See the head of this file. */
export class ControlledVcpu implements Disposable {
  readonly memory: Uint8Array;
  readonly view: DataView;
  readonly vm: number;
  readonly vcpu: number;
  readonly #stub: Stub;
  readonly #block: Int32Array;
  readonly #blockView: DataView;

  /** @param interrupts whether it has a local APIC */
  constructor(stub: Stub, interrupts = false) {
    this.#stub = stub;
    this.vm = check(stub, stub.sx_vm_create(abi.ENGINE_SOFT, PAGES));
    if (interrupts) check(stub, stub.sx_vm_create_irqchip(this.vm, 1));
    this.vcpu = check(stub, stub.sx_vcpu_create(this.vm, 0));
    this.memory = bytesAt(addressOf(stub.sx_vm_memory(this.vm)), PAGES * 4096);
    this.view = new DataView(this.memory.buffer, this.memory.byteOffset, this.memory.length);
    const block = bytesAt(addressOf(stub.sx_vcpu_block_of(this.vcpu)), abi.VCPU_BLOCK_BYTES);
    this.#block = new Int32Array(block.buffer, block.byteOffset, block.length / 4);
    this.#blockView = new DataView(block.buffer, block.byteOffset, block.length);
    this.#writeTables();
    check(stub, stub.sx_vcpu_boot_long(this.vcpu, AT.code, 0, 0, AT.tables, AT.gdt));
    this.change((state) => begin(state));
  }

  #writeTables(): void {
    DESCRIPTORS.forEach((raw, i) => this.view.setBigUint64(AT.gdt + 8 * i, raw, true));
    for (let vector = 0; vector < VECTORS; vector++) this.setGate(vector, AT.handlers + vector);
    this.memory.fill(0xf4, AT.handlers, AT.handlers + VECTORS);
    this.view.setBigUint64(AT.tss + 4, BigInt(AT.stack - 0x800), true);
    this.view.setUint16(AT.tss + 102, TSS_BYTES, true); // no I/O permission bitmap
    const [pml4, pdpt, pd] = [AT.tables, AT.tables + 0x1000, AT.tables + 0x2000];
    this.view.setBigUint64(pml4, BigInt(pdpt) | PRESENT_WRITABLE_USER, true);
    this.view.setBigUint64(pdpt, BigInt(pd) | PRESENT_WRITABLE_USER, true);
    for (let i = 0; i < ENTRIES; i++) {
      const entry = BigInt(i * LARGE_PAGE) | LARGE | PRESENT_WRITABLE_USER;
      this.view.setBigUint64(pd + 8 * i, entry, true);
    }
  }

  /** Makes an interrupt gate of ring 3 that leads to `offset`. */
  setGate(vector: number, offset: number, type = 0xee): void {
    const at = AT.idt + GATE_BYTES * vector;
    const low = BigInt(offset & 0xffff) | BigInt(SELECTOR.code64) << 16n | BigInt(type) << 40n |
      BigInt(offset >>> 16) << 48n;
    this.view.setBigUint64(at, low, true);
    this.view.setBigUint64(at + 8, 0n, true);
  }

  state(): State {
    const state = new State();
    check(this.#stub, this.#stub.sx_vcpu_get_state(this.vcpu, state.bytes, state.bytes.length));
    return state;
  }

  change(what: (state: State) => void): void {
    const state = this.state();
    what(state);
    check(this.#stub, this.#stub.sx_vcpu_set_state(this.vcpu, state.bytes, state.bytes.length));
  }

  control(controls: Controls): void {
    const bytes = encodeControls(controls);
    check(this.#stub, this.#stub.sx_vcpu_set_controls(this.vcpu, bytes, bytes.length));
  }

  inject(
    type: number,
    vector: number,
    { error, length = 0 }: { error?: number; length?: number } = {},
  ) {
    const information = abi.INTERRUPTION_VALID + (type << abi.INTERRUPTION_TYPE_SHIFT) + vector +
      (error === undefined ? 0 : abi.INTERRUPTION_ERROR);
    check(this.#stub, this.#stub.sx_vcpu_inject(this.vcpu, information, error ?? 0, length));
  }

  /** Rights of the page at a guest-physical address. */
  setRights(address: number, rights: number): void {
    check(this.#stub, this.#stub.sx_vm_set_ept(this.vm, address / 4096, 1, rights));
  }

  /** Runs to the next exit event, completing the last one with an action. */
  run(action: number = abi.ACTION_RESUME): Exit {
    this.#block[abi.VCPU_BLOCK_COMPLETION + abi.COMPLETION_ACTION] = action;
    check(this.#stub, this.#stub.sx_vcpu_run(this.vcpu));
    return this.exit();
  }

  skip(): Exit {
    return this.run(abi.ACTION_SKIP);
  }

  /** The last exit event. */
  exit(): Exit {
    const event = (field: number) => this.#block[abi.VCPU_BLOCK_EVENT + field]!;
    const at = abi.VCPU_BLOCK_CONTROLLED_EXIT;
    const word = (field: number) => this.#block[at + field]! >>> 0;
    const long = (field: number) => this.#blockView.getBigUint64((at + field) * 4, true);
    const controlled = (event(abi.EVENT_FLAGS) & abi.EVENT_CONTROLLED) !== 0;
    return {
      reason: controlled ? word(abi.CONTROLLED_EXIT_REASON) : event(abi.EVENT_REASON),
      length: word(abi.CONTROLLED_EXIT_INSTRUCTION_LENGTH),
      information: word(abi.CONTROLLED_EXIT_INSTRUCTION_INFORMATION),
      interruption: word(abi.CONTROLLED_EXIT_INTERRUPTION),
      interruptionError: word(abi.CONTROLLED_EXIT_INTERRUPTION_ERROR),
      vectoring: word(abi.CONTROLLED_EXIT_VECTORING),
      vectoringError: word(abi.CONTROLLED_EXIT_VECTORING_ERROR),
      timer: word(abi.CONTROLLED_EXIT_PREEMPTION_TIMER),
      qualification: long(abi.CONTROLLED_EXIT_QUALIFICATION),
      linear: long(abi.CONTROLLED_EXIT_GUEST_LINEAR),
      physical: long(abi.CONTROLLED_EXIT_GUEST_PHYSICAL),
      controlled,
    };
  }

  [Symbol.dispose](): void {
    check(this.#stub, this.#stub.sx_vcpu_destroy(this.vcpu));
    check(this.#stub, this.#stub.sx_vm_destroy(this.vm));
  }
}

function bytesAt(address: bigint, length: number): Uint8Array {
  const pointer = Deno.UnsafePointer.create(address);
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer!, length));
}

function begin(state: State): void {
  state.rflags = 2n;
  state.setRegister("rsp", BigInt(AT.stack));
  state.setSegment(SEGMENT.cs, SELECTOR.code64, 0xa09b);
  for (const segment of [SEGMENT.es, SEGMENT.ss, SEGMENT.ds, SEGMENT.fs, SEGMENT.gs]) {
    state.setSegment(segment, SELECTOR.data, 0xc093);
  }
  state.setSegment(SEGMENT.tr, SELECTOR.tss, 0x8b, AT.tss, TSS_BYTES - 1);
  state.set64(abi.VCPU_STATE_GDTR_BASE, BigInt(AT.gdt));
  state.set32(abi.VCPU_STATE_GDTR_LIMIT, DESCRIPTORS.length * 8 - 1);
  state.set64(abi.VCPU_STATE_IDTR_BASE, BigInt(AT.idt));
  state.set32(abi.VCPU_STATE_IDTR_LIMIT, VECTORS * GATE_BYTES - 1);
}

/** Puts a vCPU into ring 3. */
export function enterRing3(state: State): void {
  state.setSegment(SEGMENT.cs, SELECTOR.userCode, 0xa0fb);
  state.setSegment(SEGMENT.ss, SELECTOR.userData, 0xc0f3);
}

/** Puts a vCPU into 32-bit protected mode without paging; its gates are those of 64-bit mode. */
export function enterProtected(state: State): void {
  const CR0_PG = 0x80000000n, EFER_LONG = 0x500n;
  state.set64(abi.VCPU_STATE_CR0, state.get64(abi.VCPU_STATE_CR0) & ~CR0_PG);
  state.set64(abi.VCPU_STATE_EFER, state.get64(abi.VCPU_STATE_EFER) & ~EFER_LONG);
  state.setSegment(SEGMENT.cs, SELECTOR.code32, 0xc09b);
}
