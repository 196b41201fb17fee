#include "pci.h"

/* Configuration mechanism 1 (PCI Local Bus 3.0, 3.2.2.3.2). */
#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000
#define FUNCTION_STEP 0x100 /* from one function to the next */
#define DEVICE_STEP 0x800   /* from one device, of eight functions, to the next */
#define BUS_END (CONFIG_ENABLE + 32 * DEVICE_STEP)

#define NO_VENDOR 0xffff
#define HEADER_MULTIPLE_FUNCTIONS 0x80
#define HEADER_KIND 0x7f
#define BARS_OF_A_DEVICE 6 /* header kind 0; a bridge has fewer */

#define COMMAND_MEMORY 0x002
#define COMMAND_MASTER 0x004
#define COMMAND_NO_INTX 0x400
#define STATUS_CAPABILITIES 0x10

/* Base address registers (6.2.5.1). */
#define BAR_PORTS 0x1
#define BAR_WIDTH 0x6
#define BAR_64_BITS 0x4
#define BAR_ADDRESS 0xfffffff0

/* At most so many capabilities of four bytes fit behind the header: a longer list is a loop. */
#define CAPABILITIES_MAX 48

/*
 * Where registers that the firmware left at 0 are placed. The firmware places all of them or none,
 * and when it does it begins at the top of the hole, so nothing else lies here.
 */
#define WINDOW 0xc0000000
#define WINDOW_END 0xe0000000

static u32 window_used = WINDOW;

static void select(pci_function function, u8 at) {
  out32(CONFIG_ADDRESS, function | (at & 0xfcu));
}

u8 pci_read8(pci_function function, u8 at) {
  select(function, at);
  return in8((u16)(CONFIG_DATA + (at & 3)));
}

u16 pci_read16(pci_function function, u8 at) {
  select(function, at);
  return in16((u16)(CONFIG_DATA + (at & 2)));
}

u32 pci_read32(pci_function function, u8 at) {
  select(function, at);
  return in32(CONFIG_DATA);
}

void pci_write8(pci_function function, u8 at, u8 value) {
  select(function, at);
  out8((u16)(CONFIG_DATA + (at & 3)), value);
}

void pci_write16(pci_function function, u8 at, u16 value) {
  select(function, at);
  out16((u16)(CONFIG_DATA + (at & 2)), value);
}

void pci_write32(pci_function function, u8 at, u32 value) {
  select(function, at);
  out32(CONFIG_DATA, value);
}

static pci_function device_of(pci_function function) {
  return function & ~(pci_function)(DEVICE_STEP - 1);
}

static bool is_there(pci_function function) {
  return pci_read16(function, PCI_VENDOR) != NO_VENDOR;
}

pci_function pci_next(pci_function before) {
  pci_function at = CONFIG_ENABLE;
  if (before != NO_FUNCTION) {
    bool more = before != device_of(before) ||
                pci_read8(before, PCI_HEADER_TYPE) & HEADER_MULTIPLE_FUNCTIONS;
    at = more ? before + FUNCTION_STEP : device_of(before) + DEVICE_STEP;
  }
  while (at < BUS_END) {
    if (is_there(at)) return at;
    /* A device without function 0 has none. */
    at += at == device_of(at) ? DEVICE_STEP : FUNCTION_STEP;
  }
  return NO_FUNCTION;
}

u8 pci_capability(pci_function function, u8 identifier, u8 after) {
  if (!(pci_read16(function, PCI_STATUS) & STATUS_CAPABILITIES)) return 0;
  u8 at = pci_read8(function, after ? (u8)(after + 1) : PCI_CAPABILITIES) & 0xfc;
  for (int i = 0; at && i < CAPABILITIES_MAX; i++) {
    u16 head = pci_read16(function, at);
    if ((head & 0xff) == identifier) return at;
    at = head >> 8 & 0xfc;
  }
  return 0;
}

/* Sizes a register and places it. The function must not answer while its register holds ones. */
static u32 place(pci_function function, u8 at, bool wide) {
  u16 command = pci_read16(function, PCI_COMMAND);
  pci_write16(function, PCI_COMMAND, command & (u16)~COMMAND_MEMORY);
  pci_write32(function, at, 0xffffffff);
  u32 size = ~(pci_read32(function, at) & BAR_ADDRESS) + 1;
  u32 address = (window_used + size - 1) & ~(size - 1);
  bool fits = size && size <= WINDOW_END - WINDOW && address >= window_used &&
              address <= WINDOW_END - size;
  if (fits) window_used = address + size;
  pci_write32(function, at, fits ? address : 0);
  if (wide) pci_write32(function, (u8)(at + 4), 0);
  pci_write16(function, PCI_COMMAND, command);
  return fits ? address : 0;
}

volatile u8 *pci_map(pci_function function, u32 bar) {
  if (bar >= BARS_OF_A_DEVICE || (pci_read8(function, PCI_HEADER_TYPE) & HEADER_KIND)) return NULL;
  u8 at = (u8)(PCI_BAR + 4 * bar);
  u32 low = pci_read32(function, at);
  if (low & BAR_PORTS) return NULL;
  bool wide = (low & BAR_WIDTH) == BAR_64_BITS;
  u32 address = low & BAR_ADDRESS;
  bool reachable = address && (!wide || !pci_read32(function, (u8)(at + 4)));
  if (!reachable) address = place(function, at, wide);
  return (volatile u8 *)(u64)address;
}

void pci_enable(pci_function function) {
  u16 command = pci_read16(function, PCI_COMMAND);
  pci_write16(function, PCI_COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX);
}
