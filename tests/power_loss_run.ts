/** `deno task power-loss`: kills a machine that writes 50 times and says what was lost. */
import { cutPower, journalDisk } from "./power_cut.ts";

const KILLS = 50;

let killed = 0, lost = 0, records = 0;
for (let i = 0; i < KILLS; i++) {
  using disk = journalDisk();
  const cut = await cutPower(disk);
  if (cut.killed && cut.durable > 0) killed++;
  records += cut.durable;
  if (cut.last >= cut.durable) continue;
  lost++;
  console.log(`lost: durable ${cut.durable}, last ${cut.last}: ${cut.when}`);
}
console.log(`${killed} of ${KILLS} kills while it wrote, ${records} durable records, ${lost} lost`);
Deno.exit(lost === 0 && killed === KILLS ? 0 : 1);
