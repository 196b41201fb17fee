/* MSI-X: the capability and its table (PCI Local Bus 3.0, 6.8.2). */
#include "mmio.h"
#include "pci.h"

#define MESSAGE_CONTROL 2
#define CONTROL_LAST_VECTOR 0x07ff
#define CONTROL_ENABLE 0x8000
#define TABLE_PLACE 4 /* offset and BAR indicator */
#define PLACE_BAR 7

#define ENTRY_BYTES 16
#define ENTRY_ADDRESS_LOW 0
#define ENTRY_ADDRESS_HIGH 4
#define ENTRY_DATA 8
#define ENTRY_CONTROL 12
#define ENTRY_MASKED 1

bool pci_msix_find(pci_function function, struct pci_msix *msix) {
  u8 at = pci_capability(function, PCI_CAPABILITY_MSIX, 0);
  if (!at) return false;
  u32 place = pci_read32(function, (u8)(at + TABLE_PLACE));
  volatile u8 *memory = pci_map(function, place & PLACE_BAR);
  if (!memory) return false;
  msix->function = function;
  msix->capability = at;
  u16 control = pci_read16(function, (u8)(at + MESSAGE_CONTROL));
  msix->vectors = (control & CONTROL_LAST_VECTOR) + 1u;
  msix->table = memory + (place & ~(u32)PLACE_BAR);
  return true;
}

void pci_msix_mask(const struct pci_msix *msix, u32 vector) {
  mmio_write32(msix->table + vector * ENTRY_BYTES + ENTRY_CONTROL, ENTRY_MASKED);
}

void pci_msix_route(const struct pci_msix *msix, u32 vector, u64 address, u32 data) {
  volatile u8 *entry = msix->table + vector * ENTRY_BYTES;
  pci_msix_mask(msix, vector); /* an entry changes only while it is masked */
  mmio_write32(entry + ENTRY_ADDRESS_LOW, (u32)address);
  mmio_write32(entry + ENTRY_ADDRESS_HIGH, (u32)(address >> 32));
  mmio_write32(entry + ENTRY_DATA, data);
  mmio_write32(entry + ENTRY_CONTROL, 0);
}

void pci_msix_enable(const struct pci_msix *msix, bool enabled) {
  u8 at = (u8)(msix->capability + MESSAGE_CONTROL);
  u16 control = pci_read16(msix->function, at);
  pci_write16(msix->function, at,
              enabled ? control | CONTROL_ENABLE : control & (u16)~CONTROL_ENABLE);
}
