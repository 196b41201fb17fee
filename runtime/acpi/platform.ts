/** What a machine is like, as its ACPI tables tell it, and what is the same in all of them. */

/** A range with both ends in it. */
export interface Window {
  readonly first: number;
  readonly last: number;
}

/** What differs between machines. */
export interface AcpiPlatform {
  /** Processors; their APIC ids count from zero. */
  readonly vcpus: number;
  /** Two 8259 are there beside the IO-APIC. */
  readonly with8259: boolean;
  /** PCI configuration space in memory, below 4 GiB: 1 MiB for each bus from 0 to `lastBus`. */
  readonly ecam: { readonly address: number; readonly lastBus: number };
  /** Ports that PCI devices may get; they leave out 0xcf8 to 0xcff. */
  readonly ioWindows: readonly Window[];
  /** Memory below 4 GiB that PCI devices may get. */
  readonly mmio32: Window;
  /** Memory above 4 GiB that they may get. */
  readonly mmio64?: Window;
}

/** Where local APICs and the IO-APIC are. */
export const LOCAL_APIC = 0xfee00000;
/** See `LOCAL_APIC`. */
export const IO_APIC = 0xfec00000;

/** IO-APIC input of the timer that a PC has on IRQ 0. */
export const TIMER_GSI = 2;
/** The system control interrupt: IRQ and IO-APIC input, level-triggered, active high. */
export const SCI = 9;

/** First port of the fixed hardware of `AcpiPm`. */
export const PM_PORT = 0x600;
/** Of `ResetControl`. */
export const RESET_PORT = 0xcf9;

/** PCI's configuration ports: address and data. */
export const PCI_CONFIG_PORTS: Window = { first: 0xcf8, last: 0xcff };
const PCI_FIRST_GSI = 16;
const PCI_GSIS = 4;

/**
 * The IO-APIC input of a PCI device's pin, level-triggered, active low: the pins of neighbours lie
 * on different ones.
 *
 * @param device 0 to 31
 * @param pin 0 for INTA to 3 for INTD
 */
export function pciGsi(device: number, pin: number): number {
  return PCI_FIRST_GSI + (device + pin) % PCI_GSIS;
}

/** Bytes of configuration space in memory. */
export function ecamBytes(lastBus: number): number {
  return (lastBus + 1) * 2 ** 20;
}
