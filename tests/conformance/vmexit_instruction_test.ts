/**
 * Every instruction that controls make exit: exit reason, qualification, length and instruction
 * information as in the Intel SDM, volume 3, chapters 25 to 28; and what it does without the control.
 */
import { deepStrictEqual, strictEqual } from "node:assert";
import { buildStub } from "../../build/stub.ts";
import * as abi from "../../cores/abi.ts";
import { openStub } from "../../cores/stub.ts";
import { assemble } from "../assembler.ts";
import {
  AT,
  ControlledVcpu,
  type Controls,
  enterProtected,
  enterRing3,
  type Exit,
  type State,
} from "../controlled_vcpu.ts";

const stub = openStub(await buildStub(() => {}));

/** Controls under which nothing exits but HLT, the end of each piece. */
const BASE = {
  primary: abi.PRIMARY_HLT | abi.PRIMARY_MSR_BITMAPS,
  secondary: abi.SECONDARY_RDTSCP | abi.SECONDARY_INVPCID,
} as const;
const UD = 6, GP = 13;
const TS = 8n, PE = 1n;
const OSXSAVE = 0x40000n;

/** Instruction information of a memory operand `(%rdi)` in 64-bit mode: DS, no index. */
const AT_RDI = 2 << 7 | 3 << 15 | 1 << 22 | 7 << 23;
/** Of an operand relative to RIP: neither base nor index. */
const AT_RIP = 2 << 7 | 3 << 15 | 1 << 22 | 1 << 27;
/** Of a register operand. */
const IS_REGISTER = 1 << 10;

interface Case {
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

const set =
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
const primary = (bit: number): Controls => ({ primary: BASE.primary | bit });
const secondary = (bit: number): Controls => ({ secondary: BASE.secondary | bit });
const everyPort = primary(abi.PRIMARY_UNCONDITIONAL_IO);
const tables = secondary(abi.SECONDARY_DESCRIPTOR_TABLE);

const CASES: Readonly<Record<string, Case>> = {
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

const EXTRA = {
  "hlt": "hlt; hlt",
  "read cr": "mov %cr0, %rax; mov %cr4, %rbx; smsw %ecx; smsw (%rdi); hlt",
  "write cr": "mov %rax, %cr0; mov %cr0, %rbx; lmsw %cx; clts; hlt",
  "write to a target": "mov %rbx, %cr3; hlt",
  "ten pauses": ".rept 10; pause; .endr; hlt",
  "rep insb of nothing": "rep insb; hlt",
  "lgdt32": ".code32; lgdt 4(%edi); hlt",
} as const;

const pieces = Object.fromEntries([
  ...Object.entries(CASES).map(([name, { code }]) => [name, `${code}; hlt`]),
  ...Object.entries(EXTRA),
]);
const code = await assemble(pieces, AT.code);
const start = (name: string) => code.at.get(name)!;

function vcpuAt(name: string, controls: Controls, before?: (state: State) => void): ControlledVcpu {
  const vcpu = new ControlledVcpu(stub);
  vcpu.memory.set(code.bytes, AT.code);
  // A value with MP, PE and TS set, for LMSW.
  vcpu.view.setUint16(AT.data + 2, 0xb, true);
  vcpu.control({ ...BASE, ...controls });
  vcpu.change((state) => {
    state.setRegister("rdi", BigInt(AT.data));
    before?.(state);
    state.rip = start(name);
  });
  return vcpu;
}

/** Where a guest that ended at a HLT stands, and that it did. */
function endOf(vcpu: ControlledVcpu, exit: Exit): number {
  strictEqual(exit.reason, abi.EXIT_HLT);
  return vcpu.state().rip;
}

const hex = (value: number | bigint) => `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;

for (const [name, test] of Object.entries(CASES)) {
  Deno.test(`${name} exits with reason ${test.reason}`, () => {
    using vcpu = vcpuAt(name, test.controls, test.before);
    const before = vcpu.state();
    const exit = vcpu.run();
    const next = BigInt(start(name) + test.length);
    const qualification = typeof test.qualification === "function"
      ? test.qualification(next)
      : test.qualification ?? 0n;
    deepStrictEqual(
      {
        reason: exit.reason,
        qualification: hex(exit.qualification),
        length: exit.length,
        information: hex(exit.information),
        linear: hex(exit.linear),
        controlled: exit.controlled,
        vectoring: exit.vectoring,
      },
      {
        reason: test.reason,
        qualification: hex(qualification),
        length: test.length,
        information: hex((test.information ?? 0) >>> 0),
        linear: hex(test.linear ?? 0),
        controlled: true,
        vectoring: 0,
      },
    );
    // A fault-like exit: nothing has happened yet.
    const after = vcpu.state();
    after.set64(abi.VCPU_STATE_TSC, before.get64(abi.VCPU_STATE_TSC));
    deepStrictEqual(after.bytes, before.bytes);
    strictEqual(vcpu.run(abi.ACTION_RESUME).reason, test.reason, "resumed, it exits again");
    strictEqual(endOf(vcpu, vcpu.skip()), Number(next), "skipped");
  });

  if (test.without === "device") continue;
  const without = test.without ?? "runs";
  Deno.test(`${name} without its control ${without === "runs" ? "runs" : `raises ${without}`}`, () => {
    using vcpu = vcpuAt(name, {}, test.before);
    const expected = without === "runs" ? start(name) + test.length : AT.handlers + without;
    strictEqual(endOf(vcpu, vcpu.run()), expected);
  });
}

for (const [name, { ring3, controls, before, reason }] of Object.entries(CASES)) {
  if (ring3 === undefined) continue;
  Deno.test(`${name} in ring 3 ${ring3 === "exits" ? "exits" : `raises ${ring3}`}`, () => {
    using vcpu = vcpuAt(name, controls, (state) => {
      before?.(state);
      enterRing3(state);
    });
    const exit = vcpu.run();
    if (ring3 === "exits") strictEqual(exit.reason, reason);
    else strictEqual(endOf(vcpu, exit), AT.handlers + ring3);
  });
}

Deno.test("HLT exits with reason 12 under its control, and is the engine's own exit without", () => {
  using vcpu = vcpuAt("hlt", {});
  const exit = vcpu.run();
  deepStrictEqual([exit.reason, exit.length, exit.controlled], [abi.EXIT_HLT, 1, true]);
  strictEqual(vcpu.state().rip, start("hlt"));
  vcpu.control({ primary: 0 });
  strictEqual(vcpu.run().controlled, false);
  strictEqual(vcpu.state().rip, start("hlt") + 1);
});

Deno.test("CR0 and CR4 read as their shadows in masked bits, by MOV and by SMSW", () => {
  const TSD = 4n;
  using vcpu = vcpuAt("read cr", {
    cr0Mask: TS | PE,
    cr0Shadow: TS,
    cr4Mask: TSD | OSXSAVE,
    cr4Shadow: TSD,
  });
  endOf(vcpu, vcpu.run());
  const state = vcpu.state();
  const cr0 = state.get64(abi.VCPU_STATE_CR0), cr4 = state.get64(abi.VCPU_STATE_CR4);
  const seen = (cr0 & ~PE) | TS;
  strictEqual(state.register("rax"), seen);
  strictEqual(state.register("rbx"), (cr4 & ~OSXSAVE) | TSD);
  strictEqual(state.register("rcx"), seen);
  strictEqual(vcpu.view.getUint16(AT.data, true), Number(seen & 0xffffn));
});

Deno.test("a write to CR0 that matches the shadow leaves masked bits as they are", () => {
  const WP = 0x10000n, MP = 2n, EM = 4n;
  using vcpu = vcpuAt("write cr", { cr0Mask: TS | WP, cr0Shadow: WP }, (state) => {
    state.set64(abi.VCPU_STATE_CR0, state.get64(abi.VCPU_STATE_CR0) | TS);
    // WP as in the shadow, TS clear as in the shadow, EM new.
    state.setRegister("rax", (state.get64(abi.VCPU_STATE_CR0) | WP | EM) & ~TS);
    state.setRegister("rcx", MP);
  });
  endOf(vcpu, vcpu.run());
  const state = vcpu.state();
  strictEqual(state.get64(abi.VCPU_STATE_CR0) & (TS | WP | EM | MP | PE), TS | MP | PE);
  strictEqual(state.register("rbx") & (TS | WP | EM), WP | EM);
});

Deno.test("MOV to CR3 of a CR3-target value does not exit", () => {
  const controls = { ...primary(abi.PRIMARY_CR3_LOAD), cr3Targets: [0x1000n, BigInt(AT.tables)] };
  using vcpu = vcpuAt("write to a target", controls, set("rbx", AT.tables));
  strictEqual(endOf(vcpu, vcpu.run()), start("write to a target") + 3);
});

Deno.test("PAUSE exits in a loop that is longer than the window, in ring 0 only", () => {
  const controls = { ...secondary(abi.SECONDARY_PAUSE_LOOP), pauseGap: 2 ** 31, pauseWindow: 0 };
  using vcpu = vcpuAt("ten pauses", controls);
  const exit = vcpu.run();
  deepStrictEqual([exit.reason, exit.length], [abi.EXIT_PAUSE, 2]);
  strictEqual(vcpu.state().rip, start("ten pauses") + 2, "the second one");
  using patient = vcpuAt("ten pauses", { ...controls, pauseWindow: 2 ** 32 - 1 });
  endOf(patient, patient.run());
  using broken = vcpuAt("ten pauses", { ...controls, pauseGap: 0 });
  endOf(broken, broken.run());
});

Deno.test("RDTSCP and INVPCID raise #UD unless they are enabled", () => {
  for (const name of ["rdtscp", "invpcid"]) {
    using vcpu = vcpuAt(name, { secondary: 0 });
    strictEqual(endOf(vcpu, vcpu.run()), AT.handlers + UD);
  }
});

Deno.test("a repeated INS of nothing does not exit", () => {
  using vcpu = vcpuAt("rep insb of nothing", everyPort);
  strictEqual(endOf(vcpu, vcpu.run()), start("rep insb of nothing") + 2);
});

Deno.test("MSRs of x2APIC exit without their control, and with it by the bitmap", () => {
  const x2apic = { secondary: BASE.secondary | abi.SECONDARY_X2APIC };
  const before = set("rcx", 0x802);
  using exits = vcpuAt("rdmsr", {}, before);
  strictEqual(exits.run().reason, abi.EXIT_RDMSR);
  using reads = vcpuAt("rdmsr", x2apic, before);
  strictEqual(endOf(reads, reads.run()), AT.handlers + GP, "there is no APIC, but no exit");
  using masked = vcpuAt("rdmsr", { ...x2apic, msrBits: [0x802] }, before);
  strictEqual(masked.run().reason, abi.EXIT_RDMSR);
});

Deno.test("LGDT in 32-bit code says its operand size", () => {
  using vcpu = vcpuAt("lgdt32", tables, enterProtected);
  const exit = vcpu.run();
  const information = 1 << 7 | 1 << 11 | 3 << 15 | 1 << 22 | 7 << 23 | 2 << 28;
  deepStrictEqual([exit.reason, exit.qualification, exit.length, hex(exit.information)], [
    abi.EXIT_GDTR_IDTR,
    4n,
    4,
    hex(information >>> 0),
  ]);
});

Deno.test("the hypervisor completes an instruction by writing registers and skipping it", () => {
  using vcpu = vcpuAt("cpuid", { always: abi.ALWAYS_CPUID });
  vcpu.run();
  vcpu.change((state) => state.setRegister("rbx", 0x1234n));
  strictEqual(endOf(vcpu, vcpu.skip()), start("cpuid") + 2);
  strictEqual(vcpu.state().register("rbx"), 0x1234n);
});

Deno.test("without controls nothing exits, and instructions of VMX do not exist", () => {
  using vcpu = vcpuAt("vmcall", { always: abi.ALWAYS_INSTRUCTIONS });
  strictEqual(vcpu.run().reason, abi.EXIT_VMCALL);
  strictEqual(stub.sx_vcpu_set_controls(vcpu.vcpu, null, 0), 0);
  const exit = vcpu.run();
  deepStrictEqual([exit.reason, exit.controlled], [abi.EXIT_HLT, false]);
  strictEqual(vcpu.state().rip, AT.handlers + UD + 1);
});
