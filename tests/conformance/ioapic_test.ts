/**
 * The IOAPIC's registers against QEMU's, by random accesses. Not compared: reserved bits of an entry,
 * which QEMU keeps, the EOI register and remote IRR, for which an interrupt would have to be taken.
 */
import { strictEqual } from "node:assert";
import fc from "fast-check";
import { IO_APIC } from "../../runtime/acpi/platform.ts";
import { Ioapic } from "../../runtime/devices/ioapic.ts";
import { qemuTest } from "../support.ts";
import { Qtest } from "./qtest.ts";

const SELECT = 0x00, WINDOW = 0x10;
const FIRST_ENTRY = 0x10, LAST_ENTRY = 0x3f;
const hex = (value: number) => `0x${(value >>> 0).toString(16)}`;

/** Bits of a register that both have. */
function compared(register: number): number {
  if (register < FIRST_ENTRY || register > LAST_ENTRY) return 0xffffffff;
  return (register & 1) === 0 ? 0x0001afff : 0xff000000;
}

const step = fc.record({
  register: fc.oneof(fc.integer({ min: FIRST_ENTRY, max: LAST_ENTRY }), fc.nat(0xff)),
  value: fc.option(fc.nat(0xffffffff)),
});

qemuTest("the IOAPIC answers random accesses as QEMU's does", async () => {
  await using qemu = await Qtest.start(0, []);
  const ours = new Ioapic({ send: () => {} });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      for (const { register, value } of steps) {
        const commands = [`writel ${hex(IO_APIC + SELECT)} ${hex(register)}`];
        ours.write(SELECT, 4, register);
        if (value !== null) {
          commands.push(`writel ${hex(IO_APIC + WINDOW)} ${hex(value)}`);
          ours.write(WINDOW, 4, value);
        }
        commands.push(`readl ${hex(IO_APIC + SELECT)}`, `readl ${hex(IO_APIC + WINDOW)}`);
        const [select, content] = (await qemu.run(commands)).slice(-2);
        strictEqual(ours.read(SELECT, 4), select!.value);
        const bits = compared(register);
        strictEqual(hex(ours.read(WINDOW, 4) & bits), hex(content!.value & bits), hex(register));
      }
    }),
    { numRuns: 60 },
  );
});
