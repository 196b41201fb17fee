/** What cannot be found by asking: DSDT (ACPI 6.5, 5.2.11.1). Processors stand in the MADT only. */
import { PM_PORTS, SLEEP_TYPE_S5 } from "../devices/acpi_pm.ts";
import { RTC_PORTS } from "../devices/rtc_cmos.ts";
import { UART_PORTS } from "../devices/uart_16550.ts";
import { type Aml, device, eisaId, integer, named, packageOf, scope } from "./aml.ts";
import { type AcpiPlatform, ecamBytes, PCI_CONFIG_PORTS, pciGsi, PM_PORT } from "./platform.ts";
import { busWindow, ioWindow, irq, memory32, memoryWindow, ports, template } from "./resources.ts";
import { acpiTable } from "./table.ts";

/** With integers of 64 bits. */
const DSDT_REVISION = 2;

const COM1 = 0x3f8, COM1_IRQ = 4;
const RTC = 0x70;
const PCI_DEVICES = 32, PCI_PINS = 4;
/** In the address of a PCI device: all of its functions. */
const EVERY_FUNCTION = 0xffff;

function portsFrom(first: number, count: number) {
  return ports({ first, last: first + count - 1 });
}

/** 6.2.13: the static routing of PCI pins, with no link device between. */
function routing(): Aml {
  return packageOf(
    ...Array.from({ length: PCI_DEVICES * PCI_PINS }, (_, i) => {
      const number = Math.floor(i / PCI_PINS), pin = i % PCI_PINS;
      const address = number * 2 ** 16 + EVERY_FUNCTION;
      return packageOf(...[address, pin, 0, pciGsi(number, pin)].map(integer));
    }),
  );
}

/** A PCI Express root, which a system that knows PCI only takes for a PCI root. */
function pciRoot({ ecam, ioWindows, mmio32, mmio64 }: AcpiPlatform): Aml {
  return device(
    "PCI0",
    named("_HID", eisaId("PNP0A08")),
    named("_CID", eisaId("PNP0A03")),
    named("_UID", integer(0)),
    named("_SEG", integer(0)),
    named("_BBN", integer(0)),
    named(
      "_CRS",
      template(
        busWindow({ first: 0, last: ecam.lastBus }),
        ports(PCI_CONFIG_PORTS),
        ...ioWindows.map(ioWindow),
        memoryWindow(mmio32),
        ...(mmio64 ? [memoryWindow(mmio64)] : []),
      ),
    ),
    named("_PRT", routing()),
  );
}

/** What PCI devices must not get: a system trusts the MCFG only when its memory is reserved. */
function motherboard({ ecam }: AcpiPlatform): Aml {
  return device(
    "MBRD",
    named("_HID", eisaId("PNP0C02")),
    named("_UID", integer(0)),
    named(
      "_CRS",
      template(memory32(ecam.address, ecamBytes(ecam.lastBus)), portsFrom(PM_PORT, PM_PORTS)),
    ),
  );
}

function serialPort(): Aml {
  return device(
    "COM1",
    named("_HID", eisaId("PNP0501")),
    named("_UID", integer(1)),
    named("_CRS", template(portsFrom(COM1, UART_PORTS), irq(COM1_IRQ))),
  );
}

function clock(): Aml {
  return device(
    "RTC0",
    named("_HID", eisaId("PNP0B00")),
    named("_CRS", template(portsFrom(RTC, RTC_PORTS))),
  );
}

/** 7.4.2.6: the sleep type of soft off, for PM1a and PM1b. */
function softOff(): Aml {
  return named("_S5", packageOf(...[SLEEP_TYPE_S5, SLEEP_TYPE_S5, 0, 0].map(integer)));
}

/** The table of a machine. */
export function dsdt(platform: AcpiPlatform): Uint8Array<ArrayBuffer> {
  const devices = [pciRoot(platform), motherboard(platform), serialPort(), clock()];
  return acpiTable("DSDT", DSDT_REVISION, [...scope("_SB", ...devices), ...softOff()]);
}
