/**
 * Runs on hardware KVM, in the lab: every guest of `guests/system`, one after the other. Prints their
 * outputs as one line of JSON, which `system_behaviour_test.ts` reads.
 */
import { runSystemGuests } from "../system_behaviour.ts";

console.log(JSON.stringify(await runSystemGuests("kvm")));
