/** Interrupt controllers: MADT (ACPI 6.5, 5.2.12). */
import { littleEndian } from "./little_endian.ts";
import { type AcpiPlatform, IO_APIC, LOCAL_APIC, SCI, TIMER_GSI } from "./platform.ts";
import { acpiTable } from "./table.ts";

const MADT_REVISION = 5;
/** Flag: two 8259 are there too, to be masked (5.2.12.4). */
const WITH_8259 = 1;

/** Kinds of entries (5.2.12.2, 5.2.12.3, 5.2.12.5, 5.2.12.12). */
const LOCAL_APIC_ENTRY = 0, IO_APIC_ENTRY = 1, OVERRIDE_ENTRY = 2, X2APIC_ENTRY = 9;
const ENABLED = 1;
/** From here on an APIC id does not fit into the entry of a local APIC. */
const FIRST_X2APIC_ID = 255;
const IO_APIC_ID = 0, IO_APIC_FIRST_GSI = 0;

const ISA = 0;
/** How an interrupt signals (5.2.12.5): as its bus does, or by an active high level. */
const AS_BUS = 0;
const LEVEL_HIGH = 3 << 2 | 1;

function entry(kind: number, ...content: number[]): number[] {
  return [kind, content.length + 2, ...content];
}

function processor(id: number): number[] {
  return id < FIRST_X2APIC_ID
    ? entry(LOCAL_APIC_ENTRY, id, id, ...littleEndian(ENABLED, 4))
    : entry(
      X2APIC_ENTRY,
      ...[0, 0],
      ...littleEndian(id, 4),
      ...littleEndian(ENABLED, 4),
      ...littleEndian(id, 4),
    );
}

function override(irq: number, gsi: number, flags: number): number[] {
  return entry(OVERRIDE_ENTRY, ISA, irq, ...littleEndian(gsi, 4), ...littleEndian(flags, 2));
}

/** The interrupt controllers of a machine. */
export function madt(
  { vcpus, with8259 }: Pick<AcpiPlatform, "vcpus" | "with8259">,
): Uint8Array<ArrayBuffer> {
  return acpiTable("APIC", MADT_REVISION, [
    ...littleEndian(LOCAL_APIC, 4),
    ...littleEndian(with8259 ? WITH_8259 : 0, 4),
    ...Array.from({ length: vcpus }, (_, id) => processor(id)).flat(),
    ...entry(
      IO_APIC_ENTRY,
      ...[IO_APIC_ID, 0],
      ...littleEndian(IO_APIC, 4),
      ...littleEndian(IO_APIC_FIRST_GSI, 4),
    ),
    ...override(0, TIMER_GSI, AS_BUS),
    ...override(SCI, SCI, LEVEL_HIGH),
  ]);
}
