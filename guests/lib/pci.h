/* PCI functions of bus 0, reached by configuration mechanism 1. */
#ifndef PCI_H
#define PCI_H

#include "guest.h"

/* A function by the value of CONFIG_ADDRESS that selects its register 0; NO_FUNCTION is none. */
typedef u32 pci_function;
#define NO_FUNCTION 0

/* Registers of the configuration header (PCI Local Bus 3.0, 6.1). */
#define PCI_VENDOR 0x00
#define PCI_DEVICE 0x02
#define PCI_COMMAND 0x04
#define PCI_STATUS 0x06
#define PCI_HEADER_TYPE 0x0e
#define PCI_BAR 0x10
#define PCI_SUBSYSTEM 0x2e
#define PCI_CAPABILITIES 0x34

/* Capability identifiers (PCI Code and ID Assignment 1.11, 2). */
#define PCI_CAPABILITY_VENDOR 0x09
#define PCI_CAPABILITY_MSIX 0x11

/* The function after `before`, in the order of their addresses; the first after NO_FUNCTION. */
pci_function pci_next(pci_function before);

u8 pci_read8(pci_function function, u8 at);
u16 pci_read16(pci_function function, u8 at);
u32 pci_read32(pci_function function, u8 at);
void pci_write8(pci_function function, u8 at, u8 value);
void pci_write16(pci_function function, u8 at, u16 value);
void pci_write32(pci_function function, u8 at, u32 value);

/* Where the next capability with this identifier lies; the first when `after` is 0. 0: none. */
u8 pci_capability(pci_function function, u8 identifier, u8 after);

/*
 * The memory behind a base address register, which is given a place when it has none that a guest
 * can reach. NULL when it is absent or holds ports. Not while the device uses its memory.
 */
volatile u8 *pci_map(pci_function function, u32 bar);

/* Lets the function answer at its memory and be a bus master, without INTx. */
void pci_enable(pci_function function);

/* MSI-X of one function (PCI Local Bus 3.0, 6.8.2). */
struct pci_msix {
  pci_function function;
  u8 capability;
  u32 vectors;
  volatile u8 *table;
};
/* False when the function has none. */
bool pci_msix_find(pci_function function, struct pci_msix *msix);
/* Vector `vector` writes `data` to `address` from now on. */
void pci_msix_route(const struct pci_msix *msix, u32 vector, u64 address, u32 data);
void pci_msix_mask(const struct pci_msix *msix, u32 vector);
void pci_msix_enable(const struct pci_msix *msix, bool enabled);

#endif
