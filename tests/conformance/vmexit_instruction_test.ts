/** Every instruction that controls make exit, and what it does without the control. */
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
import {
  BASE,
  everyPort,
  EXITING_INSTRUCTIONS,
  GP,
  OSXSAVE,
  PE,
  primary,
  secondary,
  set,
  tables,
  TS,
  UD,
} from "./exiting_instructions.ts";

const stub = openStub(await buildStub(() => {}));

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
  ...Object.entries(EXITING_INSTRUCTIONS).map(([name, { code }]) => [name, `${code}; hlt`]),
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

for (const [name, test] of Object.entries(EXITING_INSTRUCTIONS)) {
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

for (const [name, { ring3, controls, before, reason }] of Object.entries(EXITING_INSTRUCTIONS)) {
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
