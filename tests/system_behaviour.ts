/** What a processor of the PC does in ring 0, shown by the guests of `guests/system`. */
import { ok, strictEqual } from "node:assert";
import { buildSystemGuests, systemGuestNames } from "../build/guests.ts";
import type { Engine } from "../cores/engine.ts";
import { Runtime } from "../runtime/runtime.ts";
import { DEVIATIONS, type Processor } from "./system_deviations.ts";
import { finish, PROJECT } from "./support.ts";

/** A guest that does not end is stuck; each takes far less, on an emulated and loaded host, too. */
const LIMIT_MS = 240_000;

/** Runs guests on an engine, one after the other: their names and what they printed. */
export async function* runSystemGuests(
  engine: Engine,
  names: readonly string[],
): AsyncGenerator<[name: string, output: string]> {
  const folder = await buildSystemGuests(() => {});
  await using runtime = await Runtime.open();
  for (const name of names) {
    await using vm = runtime.createVm({
      guest: `${folder}/${name}.elf`,
      ...{ machine: "pc", engine, vcpus: 2, overcommit: true },
    });
    const timer = setTimeout(() => vm.stop(), LIMIT_MS);
    const { output } = await finish(vm);
    clearTimeout(timer);
    yield [name, output];
  }
}

/**
 * What QEMU's processor does not have: reserved bits in CR3, and in CR4 some that work (it takes what
 * registers refuse, or hangs); alignment checks; limits of data and stacks.
 */
const NOT_ON_QEMU = ["reserved_bits", "alignment", "limits"];
/** Guests that a processor may not run; KVM's is QEMU's in the lab, but for its local APIC. */
const EXCLUDED: Readonly<Record<Processor, readonly string[]>> = {
  soft: [],
  kvm: NOT_ON_QEMU,
  tcg: [...NOT_ON_QEMU, "x2apic"],
};

/** Guests that a processor may run. */
export function guestsFor(processor: Processor): string[] {
  return systemGuestNames().filter((name) => !EXCLUDED[processor].includes(name));
}

/** What the architecture says that a guest prints. */
function expectedOutput(name: string): string {
  return Deno.readTextFileSync(`${PROJECT}tests/conformance/system_behaviour/${name}.txt`);
}

/** Holds a guest's output against the architecture, save where the processor is known to differ. */
export function checkOutput(processor: Processor, name: string, output: string): void {
  let expected = expectedOutput(name);
  for (const deviation of DEVIATIONS[processor]) {
    if (deviation.guest !== name) continue;
    const right = `${deviation.right}\n`;
    ok(expected.includes(right), `${name} says nowhere: ${deviation.right}`);
    expected = expected.replaceAll(right, `${deviation.here}\n`);
  }
  strictEqual(output, expected, `${name} on ${processor}`);
}
