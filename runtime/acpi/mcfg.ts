/** PCI configuration space in memory: MCFG (PCI firmware specification 3.3, 4.1.2). */
import { littleEndian } from "./little_endian.ts";
import type { AcpiPlatform } from "./platform.ts";
import { acpiTable } from "./table.ts";

const MCFG_REVISION = 1;
const SEGMENT = 0, FIRST_BUS = 0;

/** One segment that starts at bus 0. */
export function mcfg({ address, lastBus }: AcpiPlatform["ecam"]): Uint8Array<ArrayBuffer> {
  return acpiTable("MCFG", MCFG_REVISION, [
    ...littleEndian(0, 8),
    ...littleEndian(address, 8),
    ...littleEndian(SEGMENT, 2),
    ...[FIRST_BUS, lastBus],
    ...littleEndian(0, 4),
  ]);
}
