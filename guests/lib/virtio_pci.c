#include "virtio_pci.h"

#include "mmio.h"

/* Identifiers (virtio 1.2, 4.1.2). */
#define VENDOR 0x1af4
#define MODERN_DEVICE 0x1040 /* plus the type */
#define TRANSITIONAL_DEVICE 0x1000
#define TRANSITIONAL_DEVICE_END 0x1040 /* the type is in the subsystem identifier */

/* struct virtio_pci_cap (4.1.4) and its kinds. */
#define CAPABILITY_KIND 3
#define CAPABILITY_BAR 4
#define CAPABILITY_OFFSET 8
#define CAPABILITY_NOTIFY_MULTIPLIER 16 /* 4.1.4.4 */
#define KIND_COMMON 1
#define KIND_NOTIFY 2
#define KIND_ISR 3
#define KIND_DEVICE 4

/* struct virtio_pci_common_cfg (4.1.4.3). */
#define COMMON_DEVICE_FEATURE_SELECT 0
#define COMMON_DEVICE_FEATURE 4
#define COMMON_DRIVER_FEATURE_SELECT 8
#define COMMON_DRIVER_FEATURE 12
#define COMMON_CONFIG_MSIX_VECTOR 16
#define COMMON_STATUS 20
#define COMMON_CONFIG_GENERATION 21
#define COMMON_QUEUE_SELECT 22
#define COMMON_QUEUE_SIZE 24
#define COMMON_QUEUE_MSIX_VECTOR 26
#define COMMON_QUEUE_ENABLE 28
#define COMMON_QUEUE_NOTIFY_OFFSET 30
#define COMMON_QUEUE_DESCRIPTORS 32
#define COMMON_QUEUE_DRIVER 40
#define COMMON_QUEUE_DEVICE 48

#define NO_VECTOR 0xffff /* 4.1.5.1.2 */

/* Device status (2.1). */
#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER 2
#define STATUS_DRIVER_OK 4
#define STATUS_FEATURES_OK 8
#define STATUS_FAILED 128

static bool is_of_type(pci_function function, u32 type) {
  if (pci_read16(function, PCI_VENDOR) != VENDOR) return false;
  u16 device = pci_read16(function, PCI_DEVICE);
  if (device == MODERN_DEVICE + type) return true;
  return device >= TRANSITIONAL_DEVICE && device < TRANSITIONAL_DEVICE_END &&
         pci_read16(function, PCI_SUBSYSTEM) == type;
}

/* Finds the device's parts; the first of a kind counts (4.1.4.1). */
static void map_parts(struct virtio_device *device) {
  pci_function function = device->function;
  u8 at = 0;
  while ((at = pci_capability(function, PCI_CAPABILITY_VENDOR, at))) {
    u8 kind = pci_read8(function, (u8)(at + CAPABILITY_KIND));
    volatile u8 **part = kind == KIND_COMMON   ? &device->common
                         : kind == KIND_NOTIFY ? &device->notify
                         : kind == KIND_ISR    ? &device->isr
                         : kind == KIND_DEVICE ? &device->config
                                               : NULL;
    if (!part || *part) continue;
    volatile u8 *memory = pci_map(function, pci_read8(function, (u8)(at + CAPABILITY_BAR)));
    if (!memory) continue;
    *part = memory + pci_read32(function, (u8)(at + CAPABILITY_OFFSET));
    if (kind == KIND_NOTIFY) {
      device->notify_multiplier = pci_read32(function, (u8)(at + CAPABILITY_NOTIFY_MULTIPLIER));
    }
  }
}

static u8 status(const struct virtio_device *device) {
  return mmio_read8(device->common + COMMON_STATUS);
}

static void add_status(const struct virtio_device *device, u8 bits) {
  mmio_write8(device->common + COMMON_STATUS, status(device) | bits);
}

void virtio_reset(struct virtio_device *device) {
  mmio_write8(device->common + COMMON_STATUS, 0);
  while (status(device)) relax(); /* 4.1.4.3.2 */
}

bool virtio_find(u32 type, struct virtio_device *device) {
  return virtio_find_after(type, 0, device);
}

bool virtio_find_after(u32 type, u32 skip, struct virtio_device *device) {
  pci_function function = NO_FUNCTION;
  while ((function = pci_next(function)) != NO_FUNCTION) {
    if (!is_of_type(function, type)) continue;
    *device = (struct virtio_device){.function = function};
    map_parts(device);
    if (!device->common || !device->notify) continue; /* a legacy device */
    if (skip-- > 0) continue;
    pci_enable(function);
    virtio_reset(device);
    return true;
  }
  return false;
}

static __attribute__((noreturn)) void fail_device(struct virtio_device *device, const char *why) {
  add_status(device, STATUS_FAILED);
  give_up(why);
}

void virtio_negotiate(struct virtio_device *device, u64 wanted) {
  add_status(device, STATUS_ACKNOWLEDGE);
  add_status(device, STATUS_DRIVER);
  u64 offered = 0;
  for (u32 half = 0; half < 2; half++) {
    mmio_write32(device->common + COMMON_DEVICE_FEATURE_SELECT, half);
    offered |= (u64)mmio_read32(device->common + COMMON_DEVICE_FEATURE) << 32 * half;
  }
  wanted |= VIRTIO_VERSION_1 | VIRTIO_RING_EVENT_IDX | VIRTIO_RING_INDIRECT_DESC;
  device->features = offered & wanted;
  if (!(offered & VIRTIO_VERSION_1)) fail_device(device, "the virtio device is not of version 1");
  for (u32 half = 0; half < 2; half++) {
    mmio_write32(device->common + COMMON_DRIVER_FEATURE_SELECT, half);
    mmio_write32(device->common + COMMON_DRIVER_FEATURE, (u32)(device->features >> 32 * half));
  }
  add_status(device, STATUS_FEATURES_OK);
  if (!(status(device) & STATUS_FEATURES_OK)) {
    fail_device(device, "the virtio device refuses its own features");
  }
  mmio_write16(device->common + COMMON_CONFIG_MSIX_VECTOR, NO_VECTOR);
}

/* A 64-bit field is written as two halves (4.1.3.1). */
static void write_address(volatile u8 *at, const void *address) {
  mmio_write32(at, (u32)(u64)address);
  mmio_write32(at + 4, (u32)((u64)address >> 32));
}

/* Routes the selected queue's interrupts by the MSI-X vector of its own number. */
static void route(struct virtio_device *device, u16 number,
                  const struct interrupt_message *message) {
  struct pci_msix msix;
  if (!pci_msix_find(device->function, &msix) || number >= msix.vectors) {
    fail_device(device, "the virtio device lacks MSI-X vectors");
  }
  pci_msix_route(&msix, number, message->address, message->data);
  pci_msix_enable(&msix, true);
  mmio_write16(device->common + COMMON_QUEUE_MSIX_VECTOR, number);
  if (mmio_read16(device->common + COMMON_QUEUE_MSIX_VECTOR) != number) { /* 4.1.5.1.2.2 */
    fail_device(device, "the virtio device refuses a vector");
  }
}

void virtio_add_queue(struct virtio_device *device, u16 number, struct virtqueue *queue,
                      u32 entries, const struct interrupt_message *message) {
  volatile u8 *common = device->common;
  mmio_write16(common + COMMON_QUEUE_SELECT, number);
  u16 most = mmio_read16(common + COMMON_QUEUE_SIZE);
  if (most == 0) fail_device(device, "the virtio device lacks a queue");
  u16 size = VIRTQUEUE_MAX;
  while (size > most || size / 2 >= entries) size /= 2;
  virtqueue_start(queue, size, device->features & VIRTIO_RING_EVENT_IDX,
                  device->features & VIRTIO_RING_INDIRECT_DESC);
  u32 notify_offset = mmio_read16(common + COMMON_QUEUE_NOTIFY_OFFSET);
  queue->notify = device->notify + notify_offset * device->notify_multiplier; /* 4.1.4.4 */
  queue->number = number;
  mmio_write16(common + COMMON_QUEUE_SIZE, size);
  if (message) {
    route(device, number, message);
  } else {
    mmio_write16(common + COMMON_QUEUE_MSIX_VECTOR, NO_VECTOR);
  }
  write_address(common + COMMON_QUEUE_DESCRIPTORS, queue->descriptors);
  write_address(common + COMMON_QUEUE_DRIVER, &queue->available);
  write_address(common + COMMON_QUEUE_DEVICE, &queue->used);
  mmio_write16(common + COMMON_QUEUE_ENABLE, 1);
}

void virtio_start(struct virtio_device *device) {
  add_status(device, STATUS_DRIVER_OK);
}

u64 virtio_config64(const struct virtio_device *device, u32 at) {
  if (!device->config) give_up("the virtio device lacks its configuration");
  for (;;) { /* 2.5.1 */
    u8 before = mmio_read8(device->common + COMMON_CONFIG_GENERATION);
    u64 value = mmio_read32(device->config + at);
    value |= (u64)mmio_read32(device->config + at + 4) << 32;
    if (mmio_read8(device->common + COMMON_CONFIG_GENERATION) == before) return value;
  }
}
