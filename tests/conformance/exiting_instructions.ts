/**
 * The instructions that controls make exit: exit reason, qualification, length and instruction
 * information as in the Intel SDM, volume 3, chapters 25 to 28; and what each does without its control.
 */
import * as abi from "../../cores/abi.ts";
import { AT, type Controls, type State } from "../controlled_vcpu.ts";

/** Controls under which nothing exits but HLT, the end of each piece. */
export const BASE = {
  primary: abi.PRIMARY_HLT | abi.PRIMARY_MSR_BITMAPS,
  secondary: abi.SECONDARY_RDTSCP | abi.SECONDARY_INVPCID,
} as const;
export const UD = 6, GP = 13;
export const TS = 8n, PE = 1n;
export const OSXSAVE = 0x40000n;

/** Instruction information of a memory operand `(%rdi)` in 64-bit mode: DS, no index. */
const AT_RDI = 2 << 7 | 3 << 15 | 1 << 22 | 7 << 23;
/** Of an operand relative to RIP: neither base nor index. */
const AT_RIP = 2 << 7 | 3 << 15 | 1 << 22 | 1 << 27;
/** Of a register operand. */
const IS_REGISTER = 1 << 10;

/** What one instruction does. */
export interface ExitingInstruction {
  readonly code: string;
  readonly reason: number;
  readonly length: number;
  /** What makes it exit, beside the base. */
  readonly controls: Controls;
  readonly qualification?: bigint | ((next: bigint) => bigint);
  readonly information?: number;
  readonly linear?: bigint;
  /** Registers and the like before it. */
  readonly before?: (state: State) => void;
  /** Without the control: it runs, or raises this, or leaves for a device. */
  readonly without?: "runs" | "device" | number;
  /** In ring 3, with the control: it exits, or raises this. */
  readonly ring3?: "exits" | number;
}

export const set =
  (register: "rax" | "rbx" | "rcx" | "rdx" | "rsi" | "rdi", value: number) => (state: State) =>
    state.setRegister(register, BigInt(value));
const all = (...changes: ((state: State) => void)[]) => (state: State) =>
  changes.forEach((change) => change(state));
const set64 = (word: number, change: (old: bigint) => bigint) => (state: State) =>
  state.set64(word, change(state.get64(word)));
const port = set("rdx", 0x1234);
const allowPorts = (state: State) => state.rflags |= 0x3000n;
const xsave = set64(abi.VCPU_STATE_CR4, (cr4) => cr4 | OSXSAVE);

const instructions = { always: abi.ALWAYS_INSTRUCTIONS };
export const primary = (bit: number): Controls => ({ primary: BASE.primary | bit });
export const secondary = (bit: number): Controls => ({ secondary: BASE.secondary | bit });
export const everyPort = primary(abi.PRIMARY_UNCONDITIONAL_IO);
export const tables = secondary(abi.SECONDARY_DESCRIPTOR_TABLE);

export const EXITING_INSTRUCTIONS: Readonly<Record<string, ExitingInstruction>> = {
  cpuid: {
    code: "cpuid",
    reason: abi.EXIT_CPUID,
    length: 2,
    controls: { always: abi.ALWAYS_CPUID },
    ring3: "exits",
  },
  invd: { code: "invd", reason: abi.EXIT_INVD, length: 2, controls: instructions, ring3: GP },
  wbinvd: {
    code: "wbinvd",
    reason: abi.EXIT_WBINVD,
    length: 2,
    controls: secondary(abi.SECONDARY_WBINVD),
    ring3: GP,
  },
  invlpg: {
    code: "invlpg 8(%rdi)",
    reason: abi.EXIT_INVLPG,
    length: 4,
    controls: primary(abi.PRIMARY_INVLPG),
    qualification: BigInt(AT.data + 8),
    ring3: GP,
  },
  invpcid: {
    code: "invpcid 16(%rdi), %rdx",
    reason: abi.EXIT_INVPCID,
    length: 6,
    controls: primary(abi.PRIMARY_INVLPG),
    qualification: 16n,
    information: AT_RDI | 2 << 28,
    before: set("rdx", 2),
    ring3: GP,
  },
  rdpmc: {
    code: "rdpmc",
    reason: abi.EXIT_RDPMC,
    length: 2,
    controls: primary(abi.PRIMARY_RDPMC),
    without: GP,
    ring3: GP,
  },
  rdtsc: {
    code: "rdtsc",
    reason: abi.EXIT_RDTSC,
    length: 2,
    controls: primary(abi.PRIMARY_RDTSC),
    ring3: "exits",
  },
  rdtscp: {
    code: "rdtscp",
    reason: abi.EXIT_RDTSCP,
    length: 3,
    controls: primary(abi.PRIMARY_RDTSC),
    ring3: "exits",
  },
  vmcall: {
    code: "vmcall",
    reason: abi.EXIT_VMCALL,
    length: 3,
    controls: instructions,
    without: UD,
    ring3: "exits",
  },
  vmlaunch: {
    code: "vmlaunch",
    reason: abi.EXIT_VMLAUNCH,
    length: 3,
    controls: instructions,
    without: UD,
    ring3: "exits",
  },
  vmresume: {
    code: "vmresume",
    reason: abi.EXIT_VMRESUME,
    length: 3,
    controls: instructions,
    without: UD,
    ring3: "exits",
  },
  vmxoff: {
    code: "vmxoff",
    reason: abi.EXIT_VMXOFF,
    length: 3,
    controls: instructions,
    without: UD,
    ring3: "exits",
  },
  vmxon: {
    code: "vmxon (%rdi)",
    reason: abi.EXIT_VMXON,
    length: 4,
    controls: instructions,
    information: AT_RDI,
    without: UD,
    ring3: "exits",
  },
  vmclear: {
    code: "vmclear 8(%rdi)",
    reason: abi.EXIT_VMCLEAR,
    length: 5,
    controls: instructions,
    qualification: 8n,
    information: AT_RDI,
    without: UD,
  },
  vmptrld: {
    code: "vmptrld -8(%rdi, %rcx, 4)",
    reason: abi.EXIT_VMPTRLD,
    length: 5,
    controls: instructions,
    qualification: 0xfffffffffffffff8n,
    information: AT_RDI & ~(1 << 22) | 1 << 18 | 2,
    without: UD,
  },
  vmptrst: {
    code: "vmptrst 0x100(%rip)",
    reason: abi.EXIT_VMPTRST,
    length: 7,
    controls: instructions,
    qualification: (next) => next + 0x100n,
    information: AT_RIP,
    without: UD,
  },
  vmread: {
    code: "vmread %rbx, %rcx",
    reason: abi.EXIT_VMREAD,
    length: 3,
    controls: instructions,
    information: IS_REGISTER | 1 << 3 | 3 << 28,
    without: UD,
  },
  vmwrite: {
    code: "vmwrite 4(%rdi), %rdx",
    reason: abi.EXIT_VMWRITE,
    length: 4,
    controls: instructions,
    qualification: 4n,
    information: AT_RDI | 2 << 28,
    without: UD,
  },
  invept: {
    code: "invept (%rdi), %rcx",
    reason: abi.EXIT_INVEPT,
    length: 5,
    controls: instructions,
    information: AT_RDI | 1 << 28,
    without: UD,
  },
  invvpid: {
    code: "invvpid (%rdi), %rcx",
    reason: abi.EXIT_INVVPID,
    length: 5,
    controls: instructions,
    information: AT_RDI | 1 << 28,
    without: UD,
  },
  "mov to cr0": {
    code: "mov %rbx, %cr0",
    reason: abi.EXIT_CR_ACCESS,
    length: 3,
    controls: { cr0Mask: TS, cr0Shadow: 0n },
    qualification: 0x300n,
    before: set("rbx", 0x8000003b),
    ring3: GP,
  },
  "mov to cr3": {
    code: "mov %rbx, %cr3",
    reason: abi.EXIT_CR_ACCESS,
    length: 3,
    controls: { ...primary(abi.PRIMARY_CR3_LOAD), cr3Targets: [0x1000n] },
    qualification: 0x303n,
    before: set("rbx", AT.tables),
    ring3: GP,
  },
  "mov from cr3": {
    code: "mov %cr3, %rcx",
    reason: abi.EXIT_CR_ACCESS,
    length: 3,
    controls: primary(abi.PRIMARY_CR3_STORE),
    qualification: 0x113n,
    ring3: GP,
  },
  "mov to cr4": {
    code: "mov %rbx, %cr4",
    reason: abi.EXIT_CR_ACCESS,
    length: 3,
    controls: { cr4Mask: OSXSAVE, cr4Shadow: 0n },
    qualification: 0x304n,
    before: set("rbx", 0x40020),
    ring3: GP,
  },
  "mov to cr8": {
    code: "mov %rbx, %cr8",
    reason: abi.EXIT_CR_ACCESS,
    length: 4,
    controls: primary(abi.PRIMARY_CR8_LOAD),
    qualification: 0x308n,
    before: set("rbx", 3),
    ring3: GP,
  },
  "mov from cr8": {
    code: "mov %cr8, %r9",
    reason: abi.EXIT_CR_ACCESS,
    length: 4,
    controls: primary(abi.PRIMARY_CR8_STORE),
    qualification: 0x918n,
    ring3: GP,
  },
  clts: {
    code: "clts",
    reason: abi.EXIT_CR_ACCESS,
    length: 2,
    controls: { cr0Mask: TS, cr0Shadow: TS },
    qualification: 0x20n,
    ring3: GP,
  },
  lmsw: {
    code: "lmsw %bx",
    reason: abi.EXIT_CR_ACCESS,
    length: 3,
    controls: { cr0Mask: TS, cr0Shadow: 0n },
    qualification: 0x7009_0030n,
    before: set("rbx", 0x7009),
    ring3: GP,
  },
  "lmsw from memory": {
    code: "lmsw 2(%rdi)",
    reason: abi.EXIT_CR_ACCESS,
    length: 4,
    controls: { cr0Mask: PE, cr0Shadow: 0n },
    qualification: 0x000b_0070n,
    linear: BigInt(AT.data + 2),
  },
  "mov to dr": {
    code: "mov %rdx, %dr7",
    reason: abi.EXIT_MOV_DR,
    length: 3,
    controls: primary(abi.PRIMARY_MOV_DR),
    qualification: 0x207n,
    before: set("rdx", 0x400),
    ring3: "exits",
  },
  "mov from dr": {
    code: "mov %dr6, %rax",
    reason: abi.EXIT_MOV_DR,
    length: 3,
    controls: primary(abi.PRIMARY_MOV_DR),
    qualification: 0x16n,
    ring3: "exits",
  },
  "in from an immediate port": {
    code: "in $0x70, %al",
    reason: abi.EXIT_IO,
    length: 2,
    controls: everyPort,
    qualification: 0x0070_0048n,
    without: "device",
    ring3: GP,
  },
  "out to an immediate port": {
    code: "out %eax, $0x70",
    reason: abi.EXIT_IO,
    length: 2,
    controls: everyPort,
    qualification: 0x0070_0043n,
    without: "device",
  },
  "in from dx": {
    code: "in %dx, %ax",
    reason: abi.EXIT_IO,
    length: 2,
    controls: everyPort,
    qualification: 0x1234_0009n,
    before: all(port, allowPorts),
    without: "device",
    ring3: "exits",
  },
  "out by a bitmap": {
    code: "out %eax, %dx",
    reason: abi.EXIT_IO,
    length: 1,
    controls: { ...primary(abi.PRIMARY_IO_BITMAPS), ports: [0x1237] },
    qualification: 0x1234_0003n,
    before: port,
    without: "device",
  },
  insb: {
    code: "insb",
    reason: abi.EXIT_IO,
    length: 1,
    controls: everyPort,
    qualification: 0x1234_0018n,
    information: 2 << 7,
    linear: BigInt(AT.data),
    before: port,
    without: "device",
  },
  "rep outsl with 32-bit addresses": {
    code: "addr32 rep outsl %fs:(%esi), %dx",
    reason: abi.EXIT_IO,
    length: 4,
    controls: { ...primary(abi.PRIMARY_IO_BITMAPS), ports: [0x1234] },
    qualification: 0x1234_0033n,
    information: 1 << 7 | 4 << 15,
    linear: BigInt(AT.data + 16),
    before: all(port, set("rsi", AT.data + 16), set("rcx", 3)),
    without: "device",
  },
  rdmsr: {
    code: "rdmsr",
    reason: abi.EXIT_RDMSR,
    length: 2,
    controls: { primary: abi.PRIMARY_HLT },
    before: set("rcx", 0x10),
    ring3: GP,
  },
  "rdmsr by a bitmap": {
    code: "rdmsr",
    reason: abi.EXIT_RDMSR,
    length: 2,
    controls: { msrBits: [1024 * 8 + 0x80] },
    before: (state) => state.setRegister("rcx", 0xc0000080n),
  },
  "wrmsr by a bitmap": {
    code: "wrmsr",
    reason: abi.EXIT_WRMSR,
    length: 2,
    controls: { msrBits: [2048 * 8 + 0x174] },
    before: set("rcx", 0x174),
    ring3: GP,
  },
  "wrmsr outside the bitmap": {
    code: "wrmsr",
    reason: abi.EXIT_WRMSR,
    length: 2,
    controls: BASE,
    before: set("rcx", 0x40000000),
    without: "device",
  },
  mwait: {
    code: "mwait",
    reason: abi.EXIT_MWAIT,
    length: 3,
    controls: primary(abi.PRIMARY_MWAIT),
    without: UD,
    ring3: UD,
  },
  monitor: {
    code: "monitor",
    reason: abi.EXIT_MONITOR,
    length: 3,
    controls: primary(abi.PRIMARY_MONITOR),
    without: UD,
    ring3: UD,
  },
  pause: {
    code: "pause",
    reason: abi.EXIT_PAUSE,
    length: 2,
    controls: primary(abi.PRIMARY_PAUSE),
    ring3: "exits",
  },
  sgdt: {
    code: "sgdt 64(%rdi)",
    reason: abi.EXIT_GDTR_IDTR,
    length: 4,
    controls: tables,
    qualification: 64n,
    information: AT_RDI,
    ring3: "exits",
  },
  sidt: {
    code: "sidt (%rdi)",
    reason: abi.EXIT_GDTR_IDTR,
    length: 3,
    controls: tables,
    information: AT_RDI | 1 << 28,
  },
  lgdt: {
    code: "lgdt (%rdi)",
    reason: abi.EXIT_GDTR_IDTR,
    length: 3,
    controls: tables,
    information: AT_RDI | 2 << 28,
    ring3: GP,
  },
  lidt: {
    code: "lidt (%rdi)",
    reason: abi.EXIT_GDTR_IDTR,
    length: 3,
    controls: tables,
    information: AT_RDI | 3 << 28,
  },
  sldt: {
    code: "sldt 8(%rdi)",
    reason: abi.EXIT_LDTR_TR,
    length: 4,
    controls: tables,
    qualification: 8n,
    information: AT_RDI,
    ring3: "exits",
  },
  str: {
    code: "str %ecx",
    reason: abi.EXIT_LDTR_TR,
    length: 3,
    controls: tables,
    information: IS_REGISTER | 1 << 3 | 1 << 28,
  },
  lldt: {
    code: "lldt %cx",
    reason: abi.EXIT_LDTR_TR,
    length: 3,
    controls: tables,
    information: IS_REGISTER | 1 << 3 | 2 << 28,
    ring3: GP,
  },
  ltr: {
    code: "ltr (%rdi)",
    reason: abi.EXIT_LDTR_TR,
    length: 3,
    controls: tables,
    information: AT_RDI | 3 << 28,
    without: GP,
    ring3: GP,
  },
  xsetbv: {
    code: "xsetbv",
    reason: abi.EXIT_XSETBV,
    length: 3,
    controls: instructions,
    before: all(xsave, set("rax", 3)),
    ring3: GP,
  },
  rdrand: {
    code: "rdrand %r10",
    reason: abi.EXIT_RDRAND,
    length: 4,
    controls: secondary(abi.SECONDARY_RDRAND),
    information: 10 << 3 | 2 << 11,
    ring3: "exits",
  },
  rdseed: {
    code: "rdseed %ecx",
    reason: abi.EXIT_RDSEED,
    length: 3,
    controls: secondary(abi.SECONDARY_RDSEED),
    information: 1 << 3 | 1 << 11,
    ring3: "exits",
  },
};
