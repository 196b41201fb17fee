/*
 * Prints the functions of PCI bus 0: identifiers, the memory behind each base address register and
 * the MSI-X vectors, whose last one it routes and masks again to see that the table holds it.
 */
#include "lib/mmio.h"
#include "lib/pci.h"

#define BARS 6
#define MSI_ADDRESS 0xfee00000 /* SDM volume 3, 11.11.1 */

static void print_function(pci_function function) {
  print("function ");
  print_hex(function >> 11 & 31, 2);
  print(".");
  print_number(function >> 8 & 7);
  print(" ");
  print_hex(pci_read16(function, PCI_VENDOR), 4);
  print(":");
  print_hex(pci_read16(function, PCI_DEVICE), 4);
  print("\n");
}

static void print_memory(pci_function function) {
  for (u32 bar = 0; bar < BARS; bar++) {
    u8 at = (u8)(PCI_BAR + 4 * bar);
    bool wide = pci_read32(function, at) & 4;
    volatile u8 *memory = pci_map(function, bar);
    if (memory) {
      print("  bar ");
      print_number(bar);
      print(" 0x");
      print_hex((u64)memory, 8);
      print("\n");
    }
    if (wide) bar++;
  }
}

static bool entry_is(const volatile u8 *entry, u64 address, u32 data, u32 control) {
  return mmio_read32(entry) == (u32)address && mmio_read32(entry + 4) == (u32)(address >> 32) &&
         mmio_read32(entry + 8) == data && mmio_read32(entry + 12) == control;
}

static void try_msix(pci_function function) {
  struct pci_msix msix;
  if (!pci_msix_find(function, &msix)) return;
  pci_enable(function);
  print("  msix ");
  print_number(msix.vectors);
  u32 last = msix.vectors - 1;
  const volatile u8 *entry = msix.table + 16 * last;
  pci_msix_route(&msix, last, MSI_ADDRESS, 0x40 + last);
  bool holds = entry_is(entry, MSI_ADDRESS, 0x40 + last, 0);
  pci_msix_mask(&msix, last);
  holds = holds && entry_is(entry, MSI_ADDRESS, 0x40 + last, 1);
  pci_msix_enable(&msix, true);
  holds = holds && pci_read16(function, (u8)(msix.capability + 2)) >> 15;
  pci_msix_enable(&msix, false);
  print(holds ? " routed\n" : " LOST\n");
}

void guest_main(void) {
  pci_function function = pci_next(NO_FUNCTION);
  if (function == NO_FUNCTION) give_up("no PCI bus");
  for (; function != NO_FUNCTION; function = pci_next(function)) {
    print_function(function);
    print_memory(function);
    try_msix(function);
  }
}
