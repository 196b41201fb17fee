/** Fixed hardware: FADT (ACPI 6.5, 5.2.9) and the FACS that comes with it (5.2.10). */
import { PM1_CONTROL, PM1_EVENTS, PM_TIMER } from "../devices/acpi_pm.ts";
import { RESET_VALUE } from "../devices/reset_control.ts";
import { CENTURY } from "../devices/rtc_cmos.ts";
import { ascii, littleEndian } from "./little_endian.ts";
import { PM_PORT, RESET_PORT, SCI } from "./platform.ts";
import { acpiTable } from "./table.ts";

const FADT_REVISION = 6, FADT_MINOR = 5;
const FACS_BYTES = 64, FACS_VERSION = 2;

/** Bytes of the registers of `AcpiPm`. */
const PM1_EVENT_BYTES = 4, PM1_CONTROL_BYTES = 2, PM_TIMER_BYTES = 4;

/** Microseconds to leave C2 and C3: above 100 and 1000 they do not exist. */
const NO_C2 = 101, NO_C3 = 1001;

/** 5.2.9.3: ISA devices at the places of old, here COM1. */
const BOOT_LEGACY_DEVICES = 1 << 0;
const BOOT_NO_VGA = 1 << 2;
const BOOT_NO_ASPM = 1 << 4;

/** Flags of 5.2.9: WBINVD works, as every processor's does since long. */
const FLAG_WBINVD = 1 << 0;
/** HLT on every processor. */
const FLAG_C1 = 1 << 2;
/** There is no sleep button in the fixed registers; the power button is there. */
const FLAG_NO_FIXED_SLEEP_BUTTON = 1 << 5;
/** The RTC does not wake. */
const FLAG_NO_FIXED_RTC = 1 << 6;
const FLAG_TIMER_32_BITS = 1 << 8;
const FLAG_RESET_REGISTER = 1 << 10;

/** A generic address (5.2.3.2) in port space. */
const SYSTEM_IO = 1;
/** Access sizes of it. */
const BYTE = 1, WORD = 2, DOUBLEWORD = 3;
const NOWHERE = new Array<number>(12).fill(0);

function port(address: number, bytes: number, access: number): number[] {
  return [SYSTEM_IO, 8 * bytes, 0, access, ...littleEndian(address, 8)];
}

/**
 * @param facs its address
 * @param dsdt its address
 */
export function fadt(facs: number, dsdt: number): Uint8Array<ArrayBuffer> {
  const events = PM_PORT + PM1_EVENTS, control = PM_PORT + PM1_CONTROL, timer = PM_PORT + PM_TIMER;
  return acpiTable("FACP", FADT_REVISION, [
    ...littleEndian(facs, 4),
    ...littleEndian(dsdt, 4),
    0, // reserved
    0, // no profile of power management
    ...littleEndian(SCI, 2),
    ...littleEndian(0, 4), // SMI command: ACPI is the only mode
    ...[0, 0, 0, 0], // values for it
    ...littleEndian(events, 4),
    ...littleEndian(0, 4), // PM1b events
    ...littleEndian(control, 4),
    ...littleEndian(0, 4), // PM1b control
    ...littleEndian(0, 4), // PM2 control
    ...littleEndian(timer, 4),
    ...littleEndian(0, 4), // general-purpose events 0
    ...littleEndian(0, 4), // and 1
    ...[PM1_EVENT_BYTES, PM1_CONTROL_BYTES, 0, PM_TIMER_BYTES],
    ...[0, 0, 0], // general-purpose events: lengths, base
    0, // C-state command
    ...littleEndian(NO_C2, 2),
    ...littleEndian(NO_C3, 2),
    ...[0, 0, 0, 0], // cache flush size and stride
    ...[0, 0], // duty cycle
    ...[0, 0, CENTURY], // alarm day and month
    ...littleEndian(BOOT_LEGACY_DEVICES | BOOT_NO_VGA | BOOT_NO_ASPM, 2),
    0, // reserved
    ...littleEndian(
      FLAG_WBINVD | FLAG_C1 | FLAG_NO_FIXED_SLEEP_BUTTON | FLAG_NO_FIXED_RTC |
        FLAG_TIMER_32_BITS | FLAG_RESET_REGISTER,
      4,
    ),
    ...port(RESET_PORT, 1, BYTE),
    RESET_VALUE,
    ...[0, 0], // ARM boot flags
    FADT_MINOR,
    ...littleEndian(0, 8), // FACS, where the first one cannot tell it
    ...littleEndian(dsdt, 8),
    ...port(events, PM1_EVENT_BYTES, WORD),
    ...NOWHERE,
    ...port(control, PM1_CONTROL_BYTES, WORD),
    ...NOWHERE,
    ...NOWHERE, // PM2 control
    ...port(timer, PM_TIMER_BYTES, DOUBLEWORD),
    ...NOWHERE, // general-purpose events
    ...NOWHERE,
    ...NOWHERE, // sleep control and status
    ...NOWHERE,
    ...littleEndian(0, 8), // hypervisor vendor: found by CPUID
  ]);
}

/** Where firmware and operating system share a lock: nobody is there to share it with. */
export function facs(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FACS_BYTES);
  bytes.set([...ascii("FACS", 4), ...littleEndian(FACS_BYTES, 4)]);
  bytes[32] = FACS_VERSION;
  return bytes;
}
