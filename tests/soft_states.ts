/** Kernels that are in a state of their own, for the soft engine: see tests/faults/soft_states_test.ts. */
import { bzImage, multibootElf } from "../runtime/boot/synthetic_images.ts";

/** Memory that the states use. */
const POINTER = 0x300000, IDT = 0x301000, HANDLER = 0x302000, GDT = 0x303000, TSS = 0x304000;
const STACK = 0x30a000, TABLES = 0x310000;
const PAGE = 0x400000;
/** The loader's 64-bit code segment. */
const CODE_SEGMENT = 0x10;
/** An address that no memory and no device has. */
const NOWHERE = 0xd0000000;
const TIMER_VECTOR = 0x40;
const APIC = 0xfee00000;

/** Bytes of a number, the lowest first. */
function little(value: number | bigint, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number(BigInt(value) >> BigInt(8 * i) & 0xffn));
}

/** mov dword [address], value: the address is sign-extended, which is right below 2 GiB. */
const store = (address: number, value: number) => [
  ...[0xc7, 0x04, 0x25],
  ...little(address, 4),
  ...little(value >>> 0, 4),
];
const store64 = (address: number, value: bigint) => [
  ...store(address, Number(value & 0xffffffffn)),
  ...store(address + 4, Number(value >> 32n & 0xffffffffn)),
];
const set = (register: number, value: number | bigint) => [
  ...[0x48 | register >> 3, 0xb8 | register & 7],
  ...little(value, 8),
];
const RAX = 0, RCX = 1, RSP = 4, RSI = 6, RDI = 7;
/** Writes bytes to memory, whole words. */
function place(address: number, bytes: readonly number[]): number[] {
  const code: number[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    const word = [0, 1, 2, 3].map((j) => bytes[i + j] ?? 0x90);
    code.push(...store(address + i, word.reduce((sum, byte, j) => sum + byte * 256 ** j, 0)));
  }
  return code;
}
const pointer = (limit: number, base: number | bigint) => [
  ...store(POINTER, limit | (Number(BigInt(base) & 0xffffn) << 16)),
  ...store(POINTER + 4, Number(BigInt(base) >> 16n & 0xffffffffn)),
  ...store(POINTER + 8, Number(BigInt(base) >> 48n & 0xffffn)),
];
const lidt = (limit: number, base: number | bigint) => [
  ...pointer(limit, base),
  ...[0x0f, 0x01, 0x1c, 0x25, ...little(POINTER, 4)],
];
const gate = (vector: number, handler: number, ist = 0) => [
  ...store(IDT + 16 * vector, CODE_SEGMENT << 16 | handler & 0xffff),
  ...store(IDT + 16 * vector + 4, handler - handler % 65536 + 0x8e00 + ist),
];
/** A handler of one vector, in an IDT of its own. */
const handle = (vector: number, bytes: readonly number[], ist = 0) => [
  ...place(HANDLER, bytes),
  ...gate(vector, HANDLER, ist),
  ...lidt(0xfff, IDT),
];
/** mov al, code; out 0xf4, al; jmp . */
const exit = (code: number) => [0xb0, code, 0xe6, 0xf4, 0xeb, 0xfe];
const UD2 = [0x0f, 0x0b], SELF = [0xeb, 0xfe], IRETQ = [0x48, 0xcf], HLT = 0xf4;
const UNDEFINED = 6, DOUBLE = 8, PAGE_FAULT = 14;
const stack = set(RSP, STACK);
/** A jump to an address, by rax. */
const go = (address: number | bigint) => [...set(RAX, address), 0xff, 0xe0];

/** Maps one large page 2^18 times, at 2^39, through tables that repeat. */
const RING = 1n << 39n;
const ring = [
  ...[0xfc, 0x0f, 0x20, 0xda], // cld; mov rdx, cr3
  ...[0xc7, 0x42, 0x08, ...little(TABLES | 3, 4)], // mov dword [rdx + 8], ...
  ...[...set(RDI, TABLES), ...set(RAX, TABLES + 0x1003), ...set(RCX, 512), 0xf3, 0x48, 0xab],
  ...[...set(RDI, TABLES + 0x1000), ...set(RAX, PAGE | 0x83), ...set(RCX, 512), 0xf3, 0x48, 0xab],
];
const repeat = (opcodes: readonly number[], from: number | bigint, to: number | bigint) => [
  ...[...set(RSI, from), ...set(RDI, to), ...set(RCX, 1n << 38n), ...set(RAX, 0x55), 0xfc],
  ...[0xba, ...little(0x3f8 + 0x1000, 4), ...opcodes, ...exit(99)], // mov edx, a wild port
];

/** A TSS whose IST 1 is the stack. */
const taskState = [
  ...store64(TSS + 36, BigInt(STACK)),
  ...store64(GDT + CODE_SEGMENT, 0x00af9b000000ffffn),
  ...store64(GDT + 0x18, 0x00cf93000000ffffn),
  ...store64(GDT + 0x20, 0x67n | BigInt(TSS) << 16n | 0x89n << 40n),
  ...store64(GDT + 0x28, 0n),
  ...pointer(0x2f, GDT),
  ...[0x0f, 0x01, 0x14, 0x25, ...little(POINTER, 4)], // lgdt
  ...[0xb8, 0x20, 0, 0, 0, 0x0f, 0x00, 0xd8], // mov eax, 0x20; ltr ax
];

/** mov dword [rbx + register], value: rbx is the APIC's page. */
const apic = (register: number, value: number) => [
  ...[0xc7, 0x83, ...little(register, 4), ...little(value, 4)],
];
const apicOn = [0xbb, ...little(APIC, 4), ...apic(0xf0, 0x1ff)];
const EOI = apic(0xb0, 0);
const TO_SELF = apic(0x300, 0x40000 | TIMER_VECTOR);

/** A kernel of long mode. */
const kernel = (...parts: readonly (readonly number[])[]) =>
  bzImage({ code: Uint8Array.from([...stack, ...parts.flat()]) });

/** mov dword [address], value, in 32-bit code. */
const store32 = (address: number, value: number) => [
  ...[0xc7, 0x05, ...little(address, 4)],
  ...little(value >>> 0, 4),
];
/** Code where a segment with this base has its last bytes, and what lies behind. */
const SEGMENT_BASE = 0x500010, SMALL_BASE = 0x520000;
const GENERAL_PROTECTION = 13, FLAT_SEGMENT = 8, SHIFTED_SEGMENT = 0x10, SMALL_SEGMENT = 0x18;

/** A kernel of 32 bits with segments of its own: flat, shifted, of 64 KiB with 16-bit code. */
const kernel32 = (...parts: readonly (readonly number[])[]) =>
  multibootElf(Uint8Array.from([
    ...[0xbc, ...little(STACK, 4)], // mov esp, ...
    ...[...store32(GDT + FLAT_SEGMENT, 0x0000ffff), ...store32(GDT + FLAT_SEGMENT + 4, 0x00cf9b00)],
    ...store32(GDT + SHIFTED_SEGMENT, (SEGMENT_BASE & 0xffff) * 65536 + 0xffff),
    ...store32(GDT + SHIFTED_SEGMENT + 4, 0x00cf9b00 | SEGMENT_BASE >> 16),
    ...store32(GDT + SMALL_SEGMENT, (SMALL_BASE & 0xffff) * 65536 + 0xffff),
    ...store32(GDT + SMALL_SEGMENT + 4, 0x00009b00 | SMALL_BASE >> 16),
    ...[...store32(POINTER, (GDT & 0xffff) * 65536 + 0x1f), ...store32(POINTER + 4, GDT >> 16)],
    ...[0x0f, 0x01, 0x15, ...little(POINTER, 4)], // lgdt
    ...store32(IDT + 8 * GENERAL_PROTECTION, FLAT_SEGMENT << 16 | HANDLER & 0xffff),
    ...store32(IDT + 8 * GENERAL_PROTECTION + 4, HANDLER - HANDLER % 65536 + 0x8e00),
    ...[...store32(POINTER, (IDT & 0xffff) * 65536 + 0x7f), ...store32(POINTER + 4, IDT >> 16)],
    ...[0x0f, 0x01, 0x1d, ...little(POINTER, 4)], // lidt
    ...place32(HANDLER, exit(GENERAL_PROTECTION)),
    ...parts.flat(),
  ]));
function place32(address: number, bytes: readonly number[]): number[] {
  const words = Array.from({ length: Math.ceil(bytes.length / 4) }, (_, i) => i * 4);
  return words.flatMap((at) => {
    const word = [0, 1, 2, 3].reduce((sum, j) => sum + (bytes[at + j] ?? 0x90) * 256 ** j, 0);
    return store32(address + at, word);
  });
}
const goFar = (selector: number, offset: number) => [
  0xea,
  ...little(offset, 4),
  ...little(selector, 2),
];

/** Ends of guests: what becomes of each. */
export const ENDS: Readonly<
  Record<string, { readonly image: Uint8Array<ArrayBuffer>; readonly code?: number }>
> = {
  "no IDT": { image: kernel(lidt(0, 0), UD2) },
  "an IDT where nothing is": { image: kernel(lidt(0xfff, NOWHERE), UD2) },
  "an IDT in the APIC's page": { image: kernel(lidt(0xfff, APIC), UD2) },
  "an IDT that is not mapped": { image: kernel(lidt(0xfff, 1n << 40n), UD2) },
  "a GDT where nothing is": {
    image: kernel(
      handle(UNDEFINED, exit(1)),
      pointer(0x2f, NOWHERE),
      [0x0f, 0x01, 0x14, 0x25, ...little(POINTER, 4)],
      UD2,
    ),
  },
  "tables that are their own code": {
    image: kernel(
      lidt(0xfff, IDT),
      [...set(RDI, TABLES), ...set(RAX, TABLES | 7), ...set(RCX, 512), 0xfc, 0xf3, 0x48, 0xab],
      [...set(RAX, TABLES), 0x0f, 0x22, 0xd8], // mov cr3, rax
      SELF,
    ),
  },
  "code where nothing is": {
    image: kernel(handle(UNDEFINED, exit(UNDEFINED)), go(NOWHERE)),
    code: UNDEFINED,
  },
  "code in the APIC's page": {
    image: kernel(handle(UNDEFINED, exit(UNDEFINED)), go(APIC)),
    code: UNDEFINED,
  },
  "code that is not mapped": {
    image: kernel(handle(PAGE_FAULT, exit(PAGE_FAULT)), go(1n << 40n)),
    code: PAGE_FAULT,
  },
  "an interrupt's stack where nothing is": {
    image: kernel(handle(UNDEFINED, exit(UNDEFINED)), set(RSP, NOWHERE + 0x1000), UD2),
    code: UNDEFINED,
  },
  "a stack where nothing is": {
    image: kernel(set(RSP, NOWHERE + 0x1000), [0x50, 0x58, 0x3c, 0xff, 0x75, 0xfe], exit(5)),
    code: 5,
  },
  "an instruction across the end of memory": {
    // mov eax, 0xffffff12, and what follows is all ones
    image: kernel(
      handle(UNDEFINED, [0x3d, 0x12, 0xff, 0xff, 0xff, 0x75, 0xfe, ...exit(UNDEFINED)]),
      place((64 << 20) - 4, [0x90, 0x90, 0xb8, 0x12]),
      go((64 << 20) - 4),
    ),
    code: UNDEFINED,
  },
  "a block that goes on behind 2^64": {
    image: kernel(
      place(0, exit(7)),
      place(PAGE + (2 << 20) - 4, [0x90, 0x90, 0x90, 0x90]),
      [0x0f, 0x20, 0xda, 0xc7, 0x82, ...little(0xff8, 4), ...little(TABLES | 3, 4)],
      store64(TABLES + 0xff8, BigInt(TABLES + 0x1003)),
      store64(TABLES + 0x1ff8, BigInt(PAGE | 0x83)),
      go(0xfffffffffffffffcn),
    ),
    code: 7,
  },
  "a block that goes on behind 2^32": {
    image: kernel32(
      place32(SEGMENT_BASE - 16, Array(16).fill(0x90)),
      place32(SEGMENT_BASE, [0xeb, 0x02, 0x90, 0x90, ...exit(11)]),
      goFar(SHIFTED_SEGMENT, 0xfffffff0),
    ),
    code: 11,
  },
  "a block that reaches the end of 64 KiB": {
    image: kernel32(
      place32(SMALL_BASE + 0xfff8, [...Array(8).fill(0x90), ...exit(12)]),
      goFar(SMALL_SEGMENT, 0xfff8),
    ),
    code: GENERAL_PROTECTION,
  },
  "a million instructions that look at the processor": {
    // lar, cpuid, rdmsr: each must leave nothing on the stack
    image: kernel(
      [0xbe, ...little(250_000, 4)], // mov esi, n
      [0xb8, 0x10, 0, 0, 0, 0x0f, 0x02, 0xc8], // 1: mov eax, 0x10; lar ecx, ax
      [0x31, 0xc0, 0x31, 0xc9, 0x0f, 0xa2], // xor eax, eax; xor ecx, ecx; cpuid
      [0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32], // mov ecx, 0xc0000080; rdmsr
      [0xff, 0xce, 0x75, 0xe7], // dec esi; jnz 1b
      exit(3),
    ),
    code: 3,
  },
};

/** Ends of a machine with interrupt controllers. */
export const PC_ENDS: typeof ENDS = {
  "STI;HLT and a timer, 2000 times": {
    image: kernel(
      handle(TIMER_VECTOR, [...EOI, ...IRETQ]),
      apicOn,
      apic(0x320, TIMER_VECTOR),
      [0xbe, ...little(2000, 4)], // mov esi, n
      [...apic(0x380, 3), 0xfb, HLT, 0xfa], // 1: three microseconds; sti; hlt; cli
      [0xff, 0xce, 0x75, 0xef], // dec esi; jnz 1b
      exit(4),
    ),
    code: 4,
  },
  "a timer in an endless repeat": {
    image: kernel(
      handle(TIMER_VECTOR, exit(8)),
      apicOn,
      apic(0x320, TIMER_VECTOR),
      apic(0x380, 2000),
      ring,
      [0xfb],
      repeat([0xf3, 0xaa], 0, RING),
    ),
    code: 8,
  },
  "a timer among endless faults": {
    // The handler of #PF is not mapped, and its gate leaves interrupts on.
    image: kernel(
      taskState,
      handle(TIMER_VECTOR, exit(9)),
      gate(PAGE_FAULT, 0xdead0000, 1),
      store(IDT + 16 * PAGE_FAULT + 4, 0xdead8f01),
      store(IDT + 16 * PAGE_FAULT + 8, 1),
      apicOn,
      apic(0x320, TIMER_VECTOR),
      apic(0x380, 2000),
      [0xfb],
      go(1n << 40n),
    ),
    code: 9,
  },
};

/** What goes on until somebody stops it. */
export const ENDLESS: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "a jump to itself": kernel(SELF),
  "REP MOVSB over a ring of pages": kernel(ring, repeat([0xf3, 0xa4], RING, RING + 0x10n)),
  "REP STOSB over a ring of pages": kernel(ring, repeat([0xf3, 0xaa], 0, RING)),
  "REPNE SCASB over a ring of pages": kernel(ring, repeat([0xf2, 0xae], 0, RING)),
  "REP STOSB to a device": kernel(repeat([0xf3, 0xaa], 0, NOWHERE)),
  "REP LODSB from a device": kernel(repeat([0xf3, 0xac], NOWHERE, 0)),
  "REP OUTSB to a port": kernel(ring, repeat([0xf3, 0x6e], RING, 0)),
  "REP INSB from a port": kernel(ring, repeat([0xf3, 0x6c], 0, RING)),
  "walks of tables that contain themselves": kernel(
    [0x0f, 0x20, 0xda, 0x89, 0xd0, 0x83, 0xc8, 0x03], // mov rdx, cr3; mov eax, edx; or eax, 3
    [0x48, 0x89, 0x42, 0x10], // mov [rdx + 16], rax
    set(RDI, 0x0000010080402010n),
    [0x48, 0x8b, 0x07, 0x0f, 0x01, 0x3f, 0xeb, 0xf8], // 1: mov rax, [rdi]; invlpg [rdi]; jmp 1b
  ),
  "double faults without end": kernel(handle(DOUBLE, [...stack, ...UD2]), UD2),
  "page faults without end": kernel(
    taskState,
    gate(PAGE_FAULT, 0x1000, 1),
    store(IDT + 16 * PAGE_FAULT + 8, 1),
    lidt(0xfff, IDT),
    go(1n << 40n),
  ),
  "code that changes itself": kernel(
    [0xfe, 0x05, 1, 0, 0, 0, 0xb0, 0, 0xeb, 0xf6], // 1: inc byte [imm]; mov al, imm; jmp 1b
  ),
  "a storm of INT 0x80": kernel(handle(0x80, IRETQ), [0xcd, 0x80, 0xeb, 0xfc]),
  "a storm of INT3 from its own handler": kernel(handle(3, [...stack, 0xcc]), [0xcc]),
};

/** The same of a machine with interrupt controllers. */
export const PC_ENDLESS: typeof ENDLESS = {
  "HLT with interrupts off": kernel([0xfa, HLT, 0xeb, 0xfd]),
  "HLT with interrupts on and nobody to interrupt": kernel([0xfb, HLT, 0xeb, 0xfd]),
  "a storm of interrupts to itself": kernel(
    handle(TIMER_VECTOR, [...TO_SELF, ...EOI, ...IRETQ]),
    apicOn,
    [0xfb],
    TO_SELF,
    SELF,
  ),
  "a timer of one microsecond": kernel(
    handle(TIMER_VECTOR, [...EOI, ...IRETQ]),
    apicOn,
    apic(0x320, 0x20000 | TIMER_VECTOR),
    apic(0x380, 1),
    [0xfb],
    SELF,
  ),
};
