/**
 * Runs on hardware KVM, in the lab: every guest of `guests/system`, or those that are named, one
 * after the other. Prints a line of JSON for each, which `system_behaviour_test.ts` reads.
 */
import { guestsFor, runSystemGuests } from "../system_behaviour.ts";

const names = Deno.args.length > 0 ? Deno.args : guestsFor("kvm");
for await (const [name, output] of runSystemGuests("kvm", names)) {
  console.log(JSON.stringify({ name, output }));
}
