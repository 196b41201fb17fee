/**
 * Exits that events make, events that the hypervisor injects, and what is recorded when an exit comes
 * in the middle of a delivery (Intel SDM, volume 3, chapters 25 to 28).
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { buildStub } from "../../build/stub.ts";
import * as abi from "../../cores/abi.ts";
import { openStub } from "../../cores/stub.ts";
import { assemble } from "../assembler.ts";
import {
  AT,
  ControlledVcpu,
  type Controls,
  enterProtected,
  type Exit,
  SEGMENT,
  SELECTOR,
  type State,
} from "../controlled_vcpu.ts";

const stub = openStub(await buildStub(() => {}));

const BASE = {
  primary: abi.PRIMARY_HLT | abi.PRIMARY_MSR_BITMAPS,
  secondary: abi.SECONDARY_RDTSCP | abi.SECONDARY_INVPCID | abi.SECONDARY_X2APIC,
} as const;
const DE = 0, DB = 1, NMI = 2, BP = 3, OF = 4, UD = 6, DF = 8, NP = 11, GP = 13, PF = 14;
const IF = 0x200n, TF = 0x100n, NT = 0x4000n, RF = 0x10000n;
const VECTOR = 0x40;
/** No table maps it. */
const UNMAPPED = 0x40000000;
const PRESENT_INTERRUPT_GATE = 0xee;

const code = await assemble({
  ud: "ud2",
  "write to unmapped": "movl %eax, (%rbx); hlt",
  "read unmapped": "movl (%rbx), %eax; hlt",
  int3: "int3; hlt",
  int1: ".byte 0xf1; hlt",
  int: `int $${VECTOR}; hlt`,
  "into": ".code32; into; hlt",
  "nops": "nop; nop; nop; nop; hlt",
  "mov dr": "mov %dr6, %rax; hlt",
  hlt: "hlt; nop; hlt",
  write: "movl %eax, (%rbx); hlt",
  out: "out %al, $0x80; hlt",
  "loop": "1: jmp 1b",
  "sti": "sti; nop; nop; hlt",
  "mov ss": "mov %ecx, %ss; nop; hlt",
  "sti and cpuid": "sti; cpuid; hlt",
  // Turns on the local APIC in x2APIC mode.
  apic: `mov $0x1b, %ecx; rdmsr; or $0xc00, %eax; wrmsr
    mov $0x80f, %ecx; mov $0x1ff, %eax; xor %edx, %edx; wrmsr; hlt; nop; nop; hlt`,
  iret: "iretq",
  divide: "xor %ecx, %ecx; div %ecx; hlt",
  "movs": "mov $3, %ecx; rep movsb; hlt",
  "jump to a task": `.code32; ljmp $${SELECTOR.otherTss}, $0; hlt`,
  "call a task gate": `.code32; lcall $${SELECTOR.taskGate}, $0; hlt`,
  "return to a task": ".code32; iret; hlt",
  "int32": `.code32; int $${VECTOR}; hlt`,
}, AT.code);
const start = (name: string) => code.at.get(name)!;

function vcpuAt(
  name: string,
  controls: Controls,
  { before, interrupts = false }: { before?: (state: State) => void; interrupts?: boolean } = {},
): ControlledVcpu {
  const vcpu = new ControlledVcpu(stub, interrupts);
  vcpu.memory.set(code.bytes, AT.code);
  vcpu.control({ ...BASE, ...controls });
  vcpu.change((state) => {
    state.setRegister("rbx", BigInt(UNMAPPED));
    state.setRegister("rcx", BigInt(SELECTOR.data));
    before?.(state);
    state.rip = start(name);
  });
  return vcpu;
}

const bit = (vector: number) => 2 ** vector;
const describe = (type: number, vector: number, error = false) =>
  (abi.INTERRUPTION_VALID + type * 256 + vector + (error ? abi.INTERRUPTION_ERROR : 0)) >>> 0;
const exception = (vector: number, error = false) => describe(abi.TYPE_EXCEPTION, vector, error);

function endOf(vcpu: ControlledVcpu, exit: Exit): number {
  strictEqual(exit.reason, abi.EXIT_HLT);
  return vcpu.state().rip;
}

/** Fields that a test names, as they were. */
function pick<K extends keyof Exit>(exit: Exit, ...names: K[]): Pick<Exit, K> {
  return Object.fromEntries(names.map((name) => [name, exit[name]])) as Pick<Exit, K>;
}

/** A vCPU with its local APIC on, at the HLT behind that. */
function withApic(controls: Controls = {}): ControlledVcpu {
  const vcpu = vcpuAt("apic", {}, { interrupts: true });
  endOf(vcpu, vcpu.run());
  vcpu.control({ ...BASE, ...controls });
  vcpu.change((state) => state.rip++);
  return vcpu;
}

function message(vcpu: ControlledVcpu, data: number): void {
  strictEqual(stub.sx_vm_signal_msi(vcpu.vm, 0xfee00000 | 0, 0, data), 1);
}

const FIXED = 0, DELIVER_NMI = 0x400, DELIVER_INIT = 0x500, DELIVER_SIPI = 0x600;

// Exceptions.

Deno.test("an exception exits where the bitmap says so, and is delivered where not", () => {
  using vcpu = vcpuAt("ud", { exceptions: bit(UD) });
  const exit = vcpu.run();
  deepStrictEqual(pick(exit, "reason", "interruption", "vectoring", "qualification"), {
    reason: abi.EXIT_EXCEPTION,
    interruption: exception(UD),
    vectoring: 0,
    qualification: 0n,
  });
  const state = vcpu.state();
  strictEqual(state.rip, start("ud"));
  strictEqual(state.rflags & RF, RF);
  vcpu.control(BASE);
  strictEqual(endOf(vcpu, vcpu.run()), AT.handlers + UD);
});

Deno.test("a page fault exits with its address as the qualification, and leaves CR2", () => {
  using vcpu = vcpuAt("write to unmapped", { exceptions: bit(PF) });
  const exit = vcpu.run();
  deepStrictEqual(pick(exit, "reason", "interruption", "interruptionError", "qualification"), {
    reason: abi.EXIT_EXCEPTION,
    interruption: exception(PF, true),
    interruptionError: 2,
    qualification: BigInt(UNMAPPED),
  });
  strictEqual(vcpu.state().get64(abi.VCPU_STATE_CR2), 0n);
});

Deno.test("page faults are filtered by their error code", () => {
  const WRITE = 2;
  const cases = [
    [bit(PF), WRITE, WRITE, true],
    [bit(PF), WRITE, 0, false],
    [0, WRITE, 0, true],
    [0, WRITE, WRITE, false],
  ] as const;
  for (const [exceptions, pageFaultMask, pageFaultMatch, writeExits] of cases) {
    const controls = { exceptions, pageFaultMask, pageFaultMatch };
    using write = vcpuAt("write to unmapped", controls);
    strictEqual(write.run().reason, writeExits ? abi.EXIT_EXCEPTION : abi.EXIT_HLT);
    using read = vcpuAt("read unmapped", controls);
    strictEqual(read.run().reason, writeExits ? abi.EXIT_HLT : abi.EXIT_EXCEPTION);
  }
});

Deno.test("INT3, INTO and INT1 exit as software exceptions with their length", () => {
  using int3 = vcpuAt("int3", { exceptions: bit(BP) });
  deepStrictEqual(pick(int3.run(), "interruption", "length"), {
    interruption: describe(abi.TYPE_SOFTWARE_EXCEPTION, BP),
    length: 1,
  });
  using into = vcpuAt("into", { exceptions: bit(OF) }, {
    before: (state) => {
      enterProtected(state);
      state.rflags |= 0x800n;
    },
  });
  deepStrictEqual(pick(into.run(), "interruption", "length"), {
    interruption: describe(abi.TYPE_SOFTWARE_EXCEPTION, OF),
    length: 1,
  });
  using int1 = vcpuAt("int1", { exceptions: bit(DB) });
  deepStrictEqual(pick(int1.run(), "interruption", "length"), {
    interruption: describe(abi.TYPE_PRIVILEGED, DB),
    length: 1,
  });
});

Deno.test("debug exceptions exit with what DR6 would say, and leave DR6", () => {
  using step = vcpuAt("nops", { exceptions: bit(DB) }, { before: (state) => state.rflags |= TF });
  const dr6 = step.state().get64(abi.VCPU_STATE_DR + 12);
  const stepped = step.run();
  deepStrictEqual(pick(stepped, "interruption", "qualification"), {
    interruption: exception(DB),
    qualification: 0x4000n,
  });
  strictEqual(step.state().rip, start("nops") + 1, "a trap");
  strictEqual(step.state().get64(abi.VCPU_STATE_DR + 12), dr6);

  using guarded = vcpuAt("mov dr", { exceptions: bit(DB) }, {
    before: (state) => state.set64(abi.VCPU_STATE_DR + 14, 0x2400n),
  });
  deepStrictEqual(pick(guarded.run(), "interruption", "qualification"), {
    interruption: exception(DB),
    qualification: 0x2000n,
  });
  strictEqual(guarded.state().rip, start("mov dr"), "a fault");
  strictEqual(guarded.state().get64(abi.VCPU_STATE_DR + 12), dr6);
});

/** DR7's bits of breakpoint `n`: local, at a fetch (0), write (1), port (2) or access (3). */
function breakpointOn(n: number, kind: number, bytes: 1 | 2 | 4): bigint {
  return 0x400n | 1n << BigInt(2 * n) | BigInt(kind | (bytes - 1) << 2) << BigInt(16 + 4 * n);
}

function setBreakpoint(state: State, n: number, address: number, dr7: bigint): void {
  state.set64(abi.VCPU_STATE_DR + 2 * n, BigInt(address));
  state.set64(abi.VCPU_STATE_DR + 14, dr7);
}

Deno.test("a breakpoint exits with its bit: before an instruction, or behind an access", () => {
  const at = start("nops") + 1;
  using fetch = vcpuAt("nops", { exceptions: bit(DB) }, {
    before: (state) => setBreakpoint(state, 3, at, breakpointOn(3, 0, 1)),
  });
  deepStrictEqual(pick(fetch.run(), "interruption", "qualification"), {
    interruption: exception(DB),
    qualification: 8n,
  });
  strictEqual(fetch.state().rip, at, "a fault");
  strictEqual(fetch.state().rflags & RF, 0n);
  strictEqual(fetch.run().qualification, 8n, "without RF it is met again");
  fetch.change((state) => state.rflags |= RF);
  strictEqual(endOf(fetch, fetch.run()), start("nops") + 4);
  strictEqual(fetch.state().rflags & RF, 0n);

  for (const [flags, qualification] of [[0n, 2n], [TF, 0x4002n]] as const) {
    using write = vcpuAt("write", { exceptions: bit(DB) }, {
      before: (state) => {
        state.rflags |= flags;
        state.setRegister("rbx", BigInt(AT.data + 2));
        setBreakpoint(state, 1, AT.data + 4, breakpointOn(1, 1, 4));
      },
    });
    const dr6 = write.state().get64(abi.VCPU_STATE_DR + 12);
    strictEqual(write.run().qualification, qualification);
    strictEqual(write.state().rip, start("write") + 2, "a trap");
    strictEqual(write.state().get64(abi.VCPU_STATE_DR + 12), dr6);
  }
});

Deno.test("a breakpoint for a port exits behind the access, with CR4.DE", () => {
  const CR4_DE = 8n;
  for (const on of [true, false]) {
    using vcpu = vcpuAt("out", { exceptions: bit(DB) }, {
      before: (state) => {
        if (on) state.set64(abi.VCPU_STATE_CR4, state.get64(abi.VCPU_STATE_CR4) | CR4_DE);
        setBreakpoint(state, 0, 0x80, breakpointOn(0, 2, 1));
      },
    });
    const access = vcpu.run();
    deepStrictEqual(pick(access, "reason", "controlled"), {
      reason: abi.EXIT_IO,
      controlled: false,
    });
    const next = vcpu.run();
    if (on) strictEqual(next.qualification, 1n);
    strictEqual(next.reason, on ? abi.EXIT_EXCEPTION : abi.EXIT_HLT);
    strictEqual(vcpu.state().rip, start("out") + 2);
  }
});

Deno.test("a step behind HLT wakes the processor", () => {
  for (const exceptions of [bit(DB), bit(BP)]) {
    using vcpu = withApic({ primary: 0, exceptions });
    vcpu.change((state) => {
      state.rip = start("hlt");
      state.rflags |= TF;
    });
    if (exceptions === bit(DB)) {
      strictEqual(vcpu.run().qualification, 0x4000n);
      strictEqual(vcpu.state().get32(abi.VCPU_STATE_ACTIVITY), abi.ACTIVE);
    } else {
      vcpu.memory[AT.handlers + DB] = 0xcc; // its handler is an INT3, which exits
      strictEqual(vcpu.run().interruption, describe(abi.TYPE_SOFTWARE_EXCEPTION, BP));
    }
  }
});

Deno.test("a breakpoint that is delivered is in DR6", () => {
  using vcpu = vcpuAt("nops", {}, {
    before: (state) => setBreakpoint(state, 2, start("nops"), breakpointOn(2, 0, 1)),
  });
  strictEqual(endOf(vcpu, vcpu.run()), AT.handlers + DB);
  strictEqual(vcpu.state().get64(abi.VCPU_STATE_DR + 12), 0xffff0ff4n);
});

Deno.test("a triple fault exits with reason 2", () => {
  using vcpu = vcpuAt("ud", {}, { before: (state) => state.set32(abi.VCPU_STATE_IDTR_LIMIT, 0) });
  strictEqual(vcpu.run().reason, abi.EXIT_TRIPLE_FAULT);
  strictEqual(vcpu.exit().vectoring, 0);
});

// Interrupts and signals.

Deno.test("an external interrupt exits whatever IF is, acknowledged when that is asked for", () => {
  for (const exit of [0, abi.ON_EXIT_ACKNOWLEDGE]) {
    using vcpu = withApic({ pin: abi.PIN_EXTERNAL_INTERRUPT, exit });
    message(vcpu, FIXED | VECTOR);
    const left = vcpu.run();
    deepStrictEqual(pick(left, "reason", "interruption", "vectoring"), {
      reason: abi.EXIT_EXTERNAL_INTERRUPT,
      interruption: exit ? describe(abi.TYPE_EXTERNAL, VECTOR) : 0,
      vectoring: 0,
    });
    const again = vcpu.run();
    strictEqual(again.reason, exit ? abi.EXIT_HLT : abi.EXIT_EXTERNAL_INTERRUPT);
  }
});

Deno.test("an external interrupt without its control is delivered when IF lets it", () => {
  using vcpu = withApic();
  message(vcpu, FIXED | VECTOR);
  endOf(vcpu, vcpu.run());
  vcpu.change((state) => {
    state.rflags |= IF;
    state.rip = start("nops");
  });
  strictEqual(endOf(vcpu, vcpu.run()), AT.handlers + VECTOR);
});

Deno.test("an NMI exits with reason 0 under its control", () => {
  using vcpu = withApic({ pin: abi.PIN_NMI });
  message(vcpu, DELIVER_NMI);
  deepStrictEqual(pick(vcpu.run(), "reason", "interruption"), {
    reason: abi.EXIT_EXCEPTION,
    interruption: describe(abi.TYPE_NMI, NMI),
  });
  strictEqual(vcpu.state().get32(abi.VCPU_STATE_INTERRUPTIBILITY), 0);
  endOf(vcpu, vcpu.run());
  using delivers = withApic();
  message(delivers, DELIVER_NMI);
  strictEqual(endOf(delivers, delivers.run()), AT.handlers + NMI);
});

Deno.test("INIT and SIPI exit with reasons 3 and 4 where the hypervisor wants them", () => {
  using vcpu = withApic({ always: abi.ALWAYS_SIGNALS });
  message(vcpu, DELIVER_INIT);
  strictEqual(vcpu.run().reason, abi.EXIT_INIT);
  message(vcpu, DELIVER_SIPI | 0x12);
  endOf(vcpu, vcpu.run()); // it does not wait for one: the signal is lost
  vcpu.change((state) => state.set32(abi.VCPU_STATE_ACTIVITY, abi.ACTIVITY_WAIT_FOR_SIPI));
  message(vcpu, DELIVER_SIPI | 0x34);
  deepStrictEqual(pick(vcpu.run(), "reason", "qualification"), {
    reason: abi.EXIT_SIPI,
    qualification: 0x34n,
  });
});

Deno.test("an interrupt window opens behind the instruction that STI shields", () => {
  using vcpu = vcpuAt("sti", { primary: BASE.primary | abi.PRIMARY_INTERRUPT_WINDOW });
  const exit = vcpu.run();
  deepStrictEqual(pick(exit, "reason", "length"), { reason: abi.EXIT_INTERRUPT_WINDOW, length: 0 });
  strictEqual(vcpu.state().rip, start("sti") + 2);
  using shielded = vcpuAt("mov ss", { primary: BASE.primary | abi.PRIMARY_INTERRUPT_WINDOW }, {
    before: (state) => state.set32(abi.VCPU_STATE_INTERRUPTIBILITY, abi.BLOCKED_BY_MOV_SS),
  });
  shielded.change((state) => state.rflags |= IF);
  strictEqual(shielded.run().reason, abi.EXIT_INTERRUPT_WINDOW);
  // Blocked before MOV SS, which cannot block twice in a row.
  strictEqual(shielded.state().rip, start("mov ss") + 2);
});

Deno.test("an exit in the shadow of STI says so", () => {
  using vcpu = vcpuAt("sti and cpuid", { always: abi.ALWAYS_CPUID });
  strictEqual(vcpu.run().reason, abi.EXIT_CPUID);
  strictEqual(vcpu.state().get32(abi.VCPU_STATE_INTERRUPTIBILITY), abi.BLOCKED_BY_STI);
  endOf(vcpu, vcpu.skip());
  strictEqual(vcpu.state().get32(abi.VCPU_STATE_INTERRUPTIBILITY), 0);
});

Deno.test("an NMI window opens when IRET ends the handler of an injected NMI", () => {
  const pin = abi.PIN_NMI | abi.PIN_VIRTUAL_NMI;
  using vcpu = vcpuAt("nops", { pin });
  vcpu.setGate(NMI, start("iret"));
  vcpu.inject(abi.TYPE_NMI, NMI);
  vcpu.control({ ...BASE, pin, primary: BASE.primary | abi.PRIMARY_NMI_WINDOW });
  strictEqual(vcpu.run().reason, abi.EXIT_NMI_WINDOW);
  strictEqual(vcpu.state().rip, start("nops"), "back, and open");
  using open = vcpuAt("nops", { pin, primary: BASE.primary | abi.PRIMARY_NMI_WINDOW });
  strictEqual(open.run().reason, abi.EXIT_NMI_WINDOW);
  open.control({ ...BASE, pin });
  open.inject(abi.TYPE_NMI, NMI);
  strictEqual(endOf(open, open.run()), AT.handlers + NMI);
  strictEqual(open.state().get32(abi.VCPU_STATE_INTERRUPTIBILITY), abi.BLOCKED_BY_NMI);
});

Deno.test("the preemption timer ends an endless loop, and a halt", () => {
  using vcpu = vcpuAt("loop", { pin: abi.PIN_PREEMPTION_TIMER, timer: 1000 });
  const from = stub.sx_tsc();
  strictEqual(vcpu.run().reason, abi.EXIT_PREEMPTION_TIMER);
  ok(stub.sx_tsc() - from >= 1000 * 2 ** abi.PREEMPTION_TIMER_SHIFT);
  strictEqual(vcpu.state().rip, start("loop"));
  strictEqual(vcpu.run().reason, abi.EXIT_PREEMPTION_TIMER, "it starts anew");
  using halted = withApic({
    pin: abi.PIN_PREEMPTION_TIMER,
    timer: 1000,
    primary: abi.PRIMARY_MSR_BITMAPS,
  });
  strictEqual(halted.run().reason, abi.EXIT_PREEMPTION_TIMER);
  strictEqual(halted.state().get32(abi.VCPU_STATE_ACTIVITY), abi.ACTIVITY_HLT);
});

Deno.test("what is left of the preemption timer is saved when that is asked for", () => {
  const timer = 2 ** 31;
  const controls = { pin: abi.PIN_PREEMPTION_TIMER, timer, always: abi.ALWAYS_CPUID };
  using vcpu = vcpuAt("sti and cpuid", { ...controls, exit: abi.ON_EXIT_SAVE_TIMER });
  const exit = vcpu.run();
  strictEqual(exit.reason, abi.EXIT_CPUID);
  ok(exit.timer > timer / 2 && exit.timer < timer, `${exit.timer}`);
  ok(vcpu.run().timer < exit.timer, "it goes on from there");
});

Deno.test("the monitor trap flag exits behind each instruction", () => {
  using vcpu = vcpuAt("nops", { primary: BASE.primary | abi.PRIMARY_MONITOR_TRAP });
  for (let i = 1; i <= 4; i++) {
    strictEqual(vcpu.run().reason, abi.EXIT_MONITOR_TRAP);
    strictEqual(vcpu.state().rip, start("nops") + i);
  }
  strictEqual(endOf(vcpu, vcpu.run()), start("nops") + 4);
  using repeated = vcpuAt("movs", { primary: BASE.primary | abi.PRIMARY_MONITOR_TRAP }, {
    before: (state) => {
      state.setRegister("rsi", BigInt(AT.data));
      state.setRegister("rdi", BigInt(AT.data + 64));
    },
  });
  const counts = Array.from({ length: 4 }, () => {
    strictEqual(repeated.run().reason, abi.EXIT_MONITOR_TRAP);
    return Number(repeated.state().register("rcx"));
  });
  deepStrictEqual(counts, [3, 2, 1, 0]);
  using injected = vcpuAt("nops", { primary: BASE.primary | abi.PRIMARY_MONITOR_TRAP });
  injected.inject(abi.TYPE_EXCEPTION, DE);
  strictEqual(injected.run().reason, abi.EXIT_MONITOR_TRAP);
  strictEqual(injected.state().rip, AT.handlers + DE, "before the handler's first instruction");
});

Deno.test("a state that no entry takes exits with reason 33 and its highest bit", () => {
  const PG = 0x80000000n;
  const changes: ((state: State) => void)[] = [
    (state) => state.set64(abi.VCPU_STATE_CR0, PG),
    (state) => state.set64(abi.VCPU_STATE_CR4, 0n), // long mode without PAE
    (state) => state.set64(abi.VCPU_STATE_CR4, 1n << 40n),
    (state) => state.set64(abi.VCPU_STATE_CR3, 1n << 50n),
    (state) => state.set64(abi.VCPU_STATE_EFER, 0x100n),
    (state) => state.rflags = 0n,
    (state) => state.rflags = 1n << 40n | 2n,
    (state) => state.set64(abi.VCPU_STATE_RIP, 1n << 60n),
    (state) => state.setSegment(SEGMENT.cs, SELECTOR.code64, 0xc093),
    (state) => state.setSegment(SEGMENT.cs, SELECTOR.code64, 0xe09b),
    (state) => state.setSegment(SEGMENT.ss, SELECTOR.data, 0xc0f3),
    (state) => state.setSegment(SEGMENT.tr, SELECTOR.tss, 0x89, AT.tss, 0x67),
    (state) => state.setSegment(SEGMENT.ds, SELECTOR.data, 0x4093, 0, 0xffffffff),
    (state) => state.set32(abi.VCPU_STATE_GDTR_LIMIT, 0x10000),
    (state) => state.set64(abi.VCPU_STATE_IDTR_BASE, 1n << 60n),
    (state) => state.set32(abi.VCPU_STATE_INTERRUPTIBILITY, abi.BLOCKED_BY_STI), // and IF is 0
    (state) => state.set64(abi.VCPU_STATE_DR + 14, 1n << 32n),
  ];
  changes.forEach((change, i) => {
    using vcpu = vcpuAt("nops", {});
    const good = vcpu.state();
    vcpu.change(change);
    const exit = vcpu.run();
    deepStrictEqual([i, exit.reason, exit.qualification], [
      i,
      (abi.REASON_ENTRY_FAILURE + 33) >>> 0,
      0n,
    ]);
    vcpu.change((state) => state.bytes.set(good.bytes));
    endOf(vcpu, vcpu.run());
  });
  using masked = vcpuAt("nops", {});
  masked.inject(abi.TYPE_EXTERNAL, VECTOR);
  strictEqual(masked.run().reason & 0xffff, 33, "an interrupt for a guest that masks it");
});

// Injection.

Deno.test("what is injected is delivered before the guest's next instruction", () => {
  using external = vcpuAt("nops", {}, { before: (state) => state.rflags |= IF });
  external.inject(abi.TYPE_EXTERNAL, VECTOR);
  strictEqual(endOf(external, external.run()), AT.handlers + VECTOR);
  const pushed = (vcpu: ControlledVcpu, index: number) =>
    vcpu.view.getBigUint64(Number(vcpu.state().register("rsp")) + 8 * index, true);
  strictEqual(pushed(external, 0), BigInt(start("nops")));

  using fault = vcpuAt("nops", {});
  fault.inject(abi.TYPE_EXCEPTION, GP, { error: 0x1230 });
  strictEqual(endOf(fault, fault.run()), AT.handlers + GP);
  strictEqual(pushed(fault, 0), 0x1230n);
  strictEqual(pushed(fault, 1), BigInt(start("nops")));

  using software = vcpuAt("int", {});
  software.inject(abi.TYPE_SOFTWARE, VECTOR, { length: 2 });
  strictEqual(endOf(software, software.run()), AT.handlers + VECTOR);
  strictEqual(pushed(software, 0), BigInt(start("int") + 2));

  using once = vcpuAt("ud", { exceptions: bit(UD) });
  once.inject(abi.TYPE_EXCEPTION, UD);
  strictEqual(endOf(once, once.run()), AT.handlers + UD, "what is injected does not exit itself");
});

Deno.test("sx_vcpu_inject() refuses what no entry would take", () => {
  using vcpu = vcpuAt("nops", {});
  const inject = (type: number, vector: number, flags = 0, length = 0, error = 0) =>
    stub.sx_vcpu_inject(
      vcpu.vcpu,
      abi.INTERRUPTION_VALID + type * 256 + vector + flags,
      error,
      length,
    );
  const EINVAL = -22, error = abi.INTERRUPTION_ERROR;
  strictEqual(inject(1, 0), EINVAL);
  strictEqual(inject(7, 0), EINVAL);
  strictEqual(inject(abi.TYPE_NMI, 3), EINVAL);
  strictEqual(inject(abi.TYPE_EXCEPTION, 32), EINVAL);
  strictEqual(inject(abi.TYPE_EXCEPTION, GP), EINVAL);
  strictEqual(inject(abi.TYPE_EXCEPTION, UD, error), EINVAL);
  strictEqual(inject(abi.TYPE_EXCEPTION, GP, error, 0, 0x10000), EINVAL);
  strictEqual(inject(abi.TYPE_SOFTWARE, VECTOR), EINVAL);
  strictEqual(inject(abi.TYPE_SOFTWARE, VECTOR, 0, 16), EINVAL);
  strictEqual(inject(abi.TYPE_EXTERNAL, VECTOR, 0x1000), EINVAL);
  strictEqual(stub.sx_vcpu_set_controls(vcpu.vcpu, null, 0), 0);
  strictEqual(inject(abi.TYPE_EXCEPTION, UD), -6);
});

// Exits in the middle of a delivery.

Deno.test("a fault in a delivery exits with the event that was being delivered", () => {
  const absent = (vcpu: ControlledVcpu, vector: number) =>
    vcpu.setGate(vector, AT.handlers, PRESENT_INTERRUPT_GATE & 0x7f);
  const controls = { exceptions: bit(NP) };
  const nested = { reason: abi.EXIT_EXCEPTION, interruption: exception(NP, true) };

  using software = vcpuAt("int", controls);
  absent(software, VECTOR);
  deepStrictEqual(
    pick(software.run(), "reason", "interruption", "interruptionError", "vectoring"),
    {
      ...nested,
      interruptionError: VECTOR * 8 + 2,
      vectoring: describe(abi.TYPE_SOFTWARE, VECTOR),
    },
  );
  strictEqual(software.state().rip, start("int"));

  using fault = vcpuAt("ud", controls);
  absent(fault, UD);
  deepStrictEqual(pick(fault.run(), "reason", "interruption", "interruptionError", "vectoring"), {
    ...nested,
    interruptionError: UD * 8 + 3,
    vectoring: exception(UD),
  });

  using injected = vcpuAt("nops", controls);
  absent(injected, GP);
  injected.inject(abi.TYPE_EXCEPTION, GP, { error: 0x50 });
  deepStrictEqual(pick(injected.run(), "interruption", "vectoring", "vectoringError"), {
    interruption: nested.interruption,
    vectoring: exception(GP, true),
    vectoringError: 0x50,
  });

  using external = withApic(controls);
  absent(external, VECTOR);
  message(external, FIXED | VECTOR);
  external.change((state) => state.rflags |= IF);
  deepStrictEqual(pick(external.run(), "interruption", "vectoring"), {
    interruption: nested.interruption,
    vectoring: describe(abi.TYPE_EXTERNAL, VECTOR),
  });

  using nmi = vcpuAt("nops", controls);
  absent(nmi, NMI);
  nmi.inject(abi.TYPE_NMI, NMI);
  deepStrictEqual(pick(nmi.run(), "interruption", "vectoring"), {
    interruption: nested.interruption,
    vectoring: describe(abi.TYPE_NMI, NMI),
  });

  using breakpoint = vcpuAt("int3", controls);
  absent(breakpoint, BP);
  deepStrictEqual(pick(breakpoint.run(), "interruption", "vectoring", "length"), {
    interruption: nested.interruption,
    vectoring: describe(abi.TYPE_SOFTWARE_EXCEPTION, BP),
    length: 1,
  });
});

Deno.test("two faults that make a double fault exit as one, without the first", () => {
  using vcpu = vcpuAt("divide", { exceptions: bit(DF) });
  vcpu.setGate(DE, AT.handlers, PRESENT_INTERRUPT_GATE & 0x7f);
  deepStrictEqual(pick(vcpu.run(), "reason", "interruption", "interruptionError", "vectoring"), {
    reason: abi.EXIT_EXCEPTION,
    interruption: exception(DF, true),
    interruptionError: 0,
    vectoring: 0,
  });
});

Deno.test("the stack of a delivery that may not be written exits, and the event is given back", () => {
  using vcpu = vcpuAt("int", { secondary: BASE.secondary | abi.SECONDARY_EPT });
  vcpu.setRights(AT.stack - 4096, abi.EPT_READ);
  const exit = vcpu.run();
  deepStrictEqual(pick(exit, "reason", "vectoring", "length", "qualification", "linear"), {
    reason: abi.EXIT_EPT_VIOLATION,
    vectoring: describe(abi.TYPE_SOFTWARE, VECTOR),
    length: 2,
    qualification: 0x18an,
    linear: BigInt(AT.stack - 8),
  });
  vcpu.setRights(AT.stack - 4096, abi.EPT_READ | abi.EPT_WRITE);
  vcpu.inject(abi.TYPE_SOFTWARE, exit.vectoring & 0xff, { length: exit.length });
  strictEqual(endOf(vcpu, vcpu.run()), AT.handlers + VECTOR);
});

// Tasks.

Deno.test("a task switch exits with reason 9, its selector and its source", () => {
  const always = abi.ALWAYS_TASK_SWITCH;
  const cases = [
    ["call a task gate", 0, SELECTOR.otherTss, 7],
    ["return to a task", 1, 0x1230, 1],
    ["jump to a task", 2, SELECTOR.otherTss, 7],
    ["int32", 3, SELECTOR.otherTss, 2],
  ] as const;
  for (const [name, source, selector, length] of cases) {
    const before = (state: State) => {
      enterProtected(state);
      if (source === 1) state.rflags |= NT;
    };
    const prepare = (vcpu: ControlledVcpu) => {
      vcpu.view.setUint16(AT.tss, 0x1230, true);
      // Gates of 8 bytes: a task gate for the vector, and one to a handler for #GP.
      vcpu.view.setBigUint64(
        AT.idt + 8 * VECTOR,
        BigInt(SELECTOR.otherTss) << 16n | 0xe5n << 40n,
        true,
      );
      const offset = BigInt(AT.handlers + GP);
      vcpu.view.setBigUint64(
        AT.idt + 8 * GP,
        offset | BigInt(SELECTOR.code32) << 16n | 0x8en << 40n,
        true,
      );
    };
    using vcpu = vcpuAt(name, { always }, { before });
    prepare(vcpu);
    const exit = vcpu.run();
    deepStrictEqual([name, exit.reason, exit.qualification, exit.length], [
      name,
      abi.EXIT_TASK_SWITCH,
      BigInt(selector) | BigInt(source) << 30n,
      length,
    ]);
    strictEqual(exit.vectoring, source === 3 ? describe(abi.TYPE_SOFTWARE, VECTOR) : 0);
    using without = vcpuAt(name, {}, { before });
    prepare(without);
    strictEqual(endOf(without, without.run()), AT.handlers + GP);
  }
});
