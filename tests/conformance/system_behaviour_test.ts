/**
 * A processor's behaviour in ring 0 is the architecture's: page faults, protection, exceptions and
 * their error codes, interrupts and what holds them back, timers, translations, code that changes,
 * system calls, single steps, several processors. The software engine and QEMU's processor run the
 * same images; `tests/lab/system_behaviour_test.ts` has KVM.
 */
import { strictEqual } from "node:assert";
import { runOnQemu } from "../../bench/qemu.ts";
import { buildSystemGuests, systemGuestNames } from "../../build/guests.ts";
import { engineTest, qemuTest } from "../support.ts";
import { checkOutput, guestsFor, runSystemGuests } from "../system_behaviour.ts";

/** A PC of two Intel processors, whose firmware leaves the devices alone. */
const MACHINE = ["-M", "q35", "-bios", "qboot.rom", "-smp", "2"];
const PROCESSOR = "max,vendor=GenuineIntel";

for (const name of systemGuestNames()) {
  engineTest(`${name}: the software engine does what the architecture says`, async () => {
    for await (const [, output] of runSystemGuests("soft", [name])) {
      checkOutput("soft", name, output);
    }
  });
}

for (const name of guestsFor("tcg")) {
  qemuTest(`${name}: QEMU's processor does what the architecture says`, async () => {
    const image = `${await buildSystemGuests(() => {})}/${name}.elf`;
    const { output, code } = await runOnQemu("tcg", image, "", MACHINE, PROCESSOR);
    checkOutput("tcg", name, output);
    strictEqual(code, 1); // 0 << 1 | 1
  });
}
