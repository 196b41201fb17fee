/** The end of a level-triggered interrupt reaches the hypervisor when the IOAPIC is its own. */
import { ok, strictEqual } from "node:assert";
import { buildStub } from "../../build/stub.ts";
import {
  EVENT_ADDR_LO,
  EVENT_REASON,
  EXIT_EOI,
  EXIT_IO,
  VCPU_BLOCK_BYTES,
  VCPU_BLOCK_EVENT,
} from "../../cores/abi.ts";
import { ENGINE_NUMBER } from "../../cores/engine.ts";
import { GuestMemory } from "../../cores/guest_memory.ts";
import { addressOf, check, openStub, wordsAt } from "../../cores/stub.ts";
import { Ioapic } from "../../runtime/devices/ioapic.ts";
import { KernelInterrupts } from "../../runtime/devices/kernel_interrupts.ts";
import { ENGINE, engineTest } from "../support.ts";

const PAGES = 512;
const GDT = 0, CODE = 0x1000, HANDLER = 0x2000, IDTR = 0x3000, IDT = 0x4000;
const PIN = 9, VECTOR = 0x31, LEVEL = 1 << 15;
const READY = 0x10, HANDLED = 0x11;

/** 32-bit, flat: enables the local APIC, lets interrupts in and waits. */
const CODE_BYTES = [
  ...[0xbc, 0x00, 0x80, 0x00, 0x00], // mov esp, 0x8000
  ...[0x0f, 0x01, 0x1d, 0x00, 0x30, 0x00, 0x00], // lidt [IDTR]
  ...[0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01, 0x00, 0x00], // spurious vector: enable
  ...[0xfb, 0xe6, READY], // sti; out READY
  ...[0xf3, 0x90, 0xeb, 0xfc], // pause, for ever
];
/** Ends the interrupt. */
const HANDLER_BYTES = [
  ...[0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0x00, 0x00, 0x00, 0x00], // EOI
  ...[0xe6, HANDLED, 0xeb, 0xfc], // out HANDLED, again and again
];

function writeProgram(memory: GuestMemory): void {
  const put = (at: number, bytes: number[]) => memory.write(at, new Uint8Array(bytes));
  put(GDT + 8, [0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0]); // flat code
  put(GDT + 16, [0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0]); // flat data
  put(IDTR, [0xff, 0x07, IDT & 0xff, IDT >> 8, 0, 0]);
  put(IDT + 8 * VECTOR, [HANDLER & 0xff, HANDLER >> 8, 8, 0, 0, 0x8e, 0, 0]);
  put(CODE, CODE_BYTES);
  put(HANDLER, HANDLER_BYTES);
}

engineTest(
  "a level-triggered interrupt ends in an event, and comes again while its line is up",
  async () => {
    const stub = openStub(await buildStub(() => {}));
    const vm = check(stub, stub.sx_vm_create(ENGINE_NUMBER[ENGINE], PAGES));
    check(stub, stub.sx_vm_create_irqchip(vm, 1));
    writeProgram(new GuestMemory(addressOf(stub.sx_vm_memory(vm)), PAGES * 4096));
    const vcpu = check(stub, stub.sx_vcpu_create(vm, 0));
    check(stub, stub.sx_vcpu_set_cpuid(vcpu, null, 0, 1));
    check(stub, stub.sx_vcpu_boot_pvh(vcpu, CODE, 0));
    const block = wordsAt(addressOf(stub.sx_vcpu_block_of(vcpu)), VCPU_BLOCK_BYTES);
    const next = () => {
      strictEqual(check(stub, stub.sx_vcpu_run(vcpu)), 1);
      return [block[VCPU_BLOCK_EVENT + EVENT_REASON]!, block[VCPU_BLOCK_EVENT + EVENT_ADDR_LO]!];
    };

    const counters = new Float64Array(2);
    const interrupts = new KernelInterrupts(stub, vm, counters);
    const ioapic = new Ioapic(interrupts, (routes) => interrupts.route(routes));
    ioapic.write(0x00, 4, 0x10 + 2 * PIN);
    ioapic.write(0x10, 4, VECTOR | LEVEL);
    strictEqual(next().join(), `${EXIT_IO},${READY}`);
    ioapic.line(PIN).set(true);
    // A KVM that interprets instructions makes its own exits after the next one of the guest's.
    const events = [next().join(), next().join(), next().join()];
    ok(events.includes(`${EXIT_EOI},${VECTOR}`), events.join(" "));
    ok(events.includes(`${EXIT_IO},${HANDLED}`), events.join(" "));
    strictEqual(counters[0], 1);
    ioapic.endOfInterrupt(VECTOR);
    strictEqual(counters[0], 2);
    strictEqual(stub.sx_vcpu_destroy(vcpu), 0);
    strictEqual(stub.sx_vm_destroy(vm), 0);
  },
);
