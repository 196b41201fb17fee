/**
 * The soft engine does what the host's processor does: random programs over the instructions of user
 * code, with registers, defined flags, memory and faults compared. `deno task differential` runs
 * more of them.
 *
 * Not compared, since processors differ or tell each their own:
 * - status flags that the SDM leaves undefined, and what a null selector's privilege reads as;
 * - the last x87 instruction's pointers (FOP, FIP, FDP), MXCSR_MASK, and where an operand of 10
 *   or more than 16 bytes faults;
 * - with exceptions unmasked: PE beside an overflow or underflow of SSE, flags of FCOMI, DPPS and DPPD;
 * - faults of REP INS and REP OUTS of nothing, and of bytes that MASKMOVDQU leaves out; whether a page
 *   of kernel addresses is there;
 * - CPUID, RDTSC, RDRAND, XSAVE and what else depends on the machine, system calls, code that changes:
 *   `left_out` of coverage.c names all that user code may run and no form has.
 */
import { equal, ok } from "node:assert";
import { runDifferential } from "../differential/library.ts";
import { testUnless } from "../support.ts";

const INSTRUCTIONS = 2_500_000;
const OTHER_HOST = Deno.build.arch === "x86_64" ? "" : "the host's processor is no x86-64";

testUnless(OTHER_HOST, "random programs end on the soft engine as on the host", async () => {
  const outcome = await runDifferential(1n, INSTRUCTIONS, (line) => console.error(line));
  ok(outcome.agreed, outcome.report);
  ok(outcome.instructions >= INSTRUCTIONS);
  equal(outcome.unusedForms, 0, `of ${outcome.forms} forms`);
});
