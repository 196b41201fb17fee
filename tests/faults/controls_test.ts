/** Controls and registers that make no sense: an error, or a failed entry, never a crash. */
import { ok, strictEqual } from "node:assert";
import fc from "fast-check";
import { buildStub } from "../../build/stub.ts";
import * as abi from "../../cores/abi.ts";
import { addressOf, check, openStub, wordsAt } from "../../cores/stub.ts";
import { AT, ControlledVcpu, encodeControls, State } from "../controlled_vcpu.ts";

const stub = openStub(await buildStub(() => {}));
const EINVAL = -22, EBUSY = -16;
const TIMER = { pin: abi.PIN_PREEMPTION_TIMER, timer: 2000 } as const;

const word = fc.oneof(fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1), fc.nat(2 ** 32 - 1));

Deno.test("controls with bits that nobody knows are refused", () => {
  using vcpu = new ControlledVcpu(stub);
  const refused = (controls: Parameters<typeof encodeControls>[0]) => {
    const bytes = encodeControls(controls);
    strictEqual(stub.sx_vcpu_set_controls(vcpu.vcpu, bytes, bytes.length), EINVAL);
  };
  refused({ pin: 0x80 });
  refused({ pin: abi.PIN_VIRTUAL_NMI });
  refused({ primary: abi.PRIMARY_NMI_WINDOW });
  refused({ primary: 1 });
  refused({ secondary: 1 });
  refused({ exit: 1 });
  refused({ always: 16 });
  refused({ cr3Targets: [0n, 0n, 0n, 0n, 0n] });
  const bytes = encodeControls({});
  for (const size of [0, 1, 4, bytes.length - 4]) {
    strictEqual(stub.sx_vcpu_set_controls(vcpu.vcpu, bytes, size), EINVAL);
  }
  strictEqual(stub.sx_vcpu_set_controls(vcpu.vcpu, bytes, abi.CONTROLS_IO_BITMAP * 4), 0);
});

Deno.test("a state that no processor has is refused and changes nothing", () => {
  using vcpu = new ControlledVcpu(stub);
  const before = vcpu.state();
  const refused = (change: (state: State) => void) => {
    const state = vcpu.state();
    change(state);
    strictEqual(stub.sx_vcpu_set_state(vcpu.vcpu, state.bytes, state.bytes.length), EINVAL);
  };
  refused((state) => state.set64(abi.VCPU_STATE_XCR0, 0n));
  refused((state) => state.set64(abi.VCPU_STATE_XCR0, 7n));
  refused((state) => state.set64(abi.VCPU_STATE_CR8, 16n));
  refused((state) => state.set32(abi.VCPU_STATE_INTERRUPTIBILITY, 3));
  refused((state) => state.set32(abi.VCPU_STATE_ACTIVITY, 2));
  refused((state) => state.set32(abi.VCPU_STATE_ACTIVITY, abi.ACTIVITY_HLT)); // nothing could wake it
  refused((state) => state.set64(abi.VCPU_STATE_CR0, 0x80000000n));
  const after = vcpu.state();
  after.set64(abi.VCPU_STATE_TSC, before.get64(abi.VCPU_STATE_TSC));
  strictEqual(after.bytes.toString(), before.bytes.toString());
});

Deno.test("a vCPU takes any registers and runs on, or refuses them", () => {
  using vcpu = new ControlledVcpu(stub);
  const good = vcpu.state();
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(abi.VCPU_STATE_BYTES / 4 - 1), word), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      fc.boolean(),
      (words, instructions, controlled) => {
        vcpu.control({ ...TIMER, primary: abi.PRIMARY_HLT });
        const state = new State();
        state.bytes.set(good.bytes);
        for (const [at, value] of words) state.set32(at, value);
        vcpu.memory.set(instructions, AT.code);
        if (!controlled) {
          strictEqual(stub.sx_vcpu_set_state(vcpu.vcpu, good.bytes, good.bytes.length), 0);
        }
        if (!controlled) stub.sx_vcpu_set_controls(vcpu.vcpu, null, 0);
        const result = stub.sx_vcpu_set_state(vcpu.vcpu, state.bytes, state.bytes.length);
        ok(result === 0 || result === EINVAL);
        if (result !== 0 || !controlled) return;
        for (let i = 0; i < 3; i++) vcpu.run(i % 2 ? abi.ACTION_SKIP : abi.ACTION_RESUME);
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("any controls that are taken keep the preemption timer's promise", () => {
  using vcpu = new ControlledVcpu(stub);
  const good = vcpu.state();
  fc.assert(
    fc.property(
      word,
      word,
      word,
      word,
      word,
      fc.uint8Array({ minLength: 256, maxLength: 256 }),
      (a, b, c, d, e, instructions) => {
        const known = encodeControls({
          pin: (a & 9) | abi.PIN_PREEMPTION_TIMER,
          primary: b & 0x7980_9e80 & ~abi.PRIMARY_MONITOR_TRAP,
          secondary: c & 0x11c5e,
          always: d & 15,
          exceptions: e,
          timer: TIMER.timer,
          pauseGap: a,
          pauseWindow: b,
          cr0Mask: BigInt(c),
          cr0Shadow: BigInt(d),
          cr4Mask: BigInt(e),
          cr4Shadow: BigInt(a),
        });
        const result = stub.sx_vcpu_set_controls(vcpu.vcpu, known, known.length);
        ok(result === 0 || result === EINVAL);
        vcpu.memory.set(instructions, AT.code);
        strictEqual(stub.sx_vcpu_set_state(vcpu.vcpu, good.bytes, good.bytes.length), 0);
        for (let i = 0; i < 5; i++) vcpu.run(i % 2 ? abi.ACTION_SKIP : abi.ACTION_RESUME);
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("a vCPU that is in the guest cannot be read or written", async () => {
  const vm = check(stub, stub.sx_vm_create(abi.ENGINE_SOFT, 16));
  const vcpu = check(stub, stub.sx_vcpu_create(vm, 0));
  const core = check(stub, stub.sx_core_create());
  const memory = wordsAt(addressOf(stub.sx_vm_memory(vm)), 16 * 4096);
  memory[0x1000 / 4] = 0xfeeb; // jmp .
  check(stub, stub.sx_vcpu_boot_pvh(vcpu, 0x1000, 0));
  const block = wordsAt(addressOf(stub.sx_vcpu_block_of(vcpu)), abi.VCPU_BLOCK_BYTES);
  check(stub, stub.sx_vcpu_start(vcpu, navigator.hardwareConcurrency - 1, core));
  while (block[abi.VCPU_BLOCK_STATE + abi.STATE_FIRST_RUN_TICKS] === 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
  const state = new State(), controls = encodeControls({});
  strictEqual(stub.sx_vcpu_get_state(vcpu, state.bytes, state.bytes.length), EBUSY);
  strictEqual(stub.sx_vcpu_set_state(vcpu, state.bytes, state.bytes.length), EBUSY);
  strictEqual(stub.sx_vcpu_set_controls(vcpu, controls, controls.length), EBUSY);
  strictEqual(stub.sx_vcpu_inject(vcpu, 0, 0, 0), EBUSY);
  strictEqual(stub.sx_vm_set_ept(vm, 0, 16, abi.EPT_READ), 0, "the rights may change");
  strictEqual(stub.sx_vcpu_destroy(vcpu), 0);
  strictEqual(stub.sx_vm_destroy(vm), 0);
  strictEqual(stub.sx_core_destroy(core), 0);
});

Deno.test("under split placement an exit waits for its completion and its registers", async () => {
  const vm = check(stub, stub.sx_vm_create(abi.ENGINE_SOFT, 16));
  const vcpu = check(stub, stub.sx_vcpu_create(vm, 0));
  const core = check(stub, stub.sx_core_create());
  const memory = wordsAt(addressOf(stub.sx_vm_memory(vm)), 16 * 4096);
  memory[0x1000 / 4] = 0xf4310f | 0; // rdtsc; hlt
  check(stub, stub.sx_vcpu_boot_pvh(vcpu, 0x1000, 0));
  const controls = encodeControls({ primary: abi.PRIMARY_RDTSC | abi.PRIMARY_HLT });
  check(stub, stub.sx_vcpu_set_controls(vcpu, controls, controls.length));
  const block = wordsAt(addressOf(stub.sx_vcpu_block_of(vcpu)), abi.VCPU_BLOCK_BYTES);
  check(stub, stub.sx_vcpu_start(vcpu, navigator.hardwareConcurrency - 1, core));
  const event = async (seq: number) => {
    while (Atomics.load(block, abi.VCPU_BLOCK_EVENT + abi.EVENT_SEQ) !== seq) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return block[abi.VCPU_BLOCK_CONTROLLED_EXIT + abi.CONTROLLED_EXIT_REASON]!;
  };
  strictEqual(await event(1), abi.EXIT_RDTSC);
  const state = new State();
  check(stub, stub.sx_vcpu_get_state(vcpu, state.bytes, state.bytes.length));
  state.setRegister("rax", 7n);
  check(stub, stub.sx_vcpu_set_state(vcpu, state.bytes, state.bytes.length));
  block[abi.VCPU_BLOCK_COMPLETION + abi.COMPLETION_ACTION] = abi.ACTION_SKIP;
  Atomics.store(block, abi.VCPU_BLOCK_COMPLETION + abi.COMPLETION_SEQ, 1);
  strictEqual(await event(2), abi.EXIT_HLT);
  check(stub, stub.sx_vcpu_get_state(vcpu, state.bytes, state.bytes.length));
  strictEqual(state.register("rax"), 7n);
  strictEqual(state.rip, 0x1002);
  strictEqual(stub.sx_vcpu_destroy(vcpu), 0);
  strictEqual(stub.sx_vm_destroy(vm), 0);
  strictEqual(stub.sx_core_destroy(core), 0);
});
