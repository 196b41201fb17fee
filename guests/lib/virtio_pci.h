/* The modern PCI transport of virtio (virtio 1.2, 4.1). */
#ifndef VIRTIO_PCI_H
#define VIRTIO_PCI_H

#include "interrupts.h"
#include "pci.h"
#include "virtqueue.h"

/* Device types (virtio 1.2, 5). */
#define VIRTIO_TYPE_NET 1
#define VIRTIO_TYPE_BLOCK 2

/* Feature bits of every device (6). */
#define VIRTIO_RING_INDIRECT_DESC (1ull << 28)
#define VIRTIO_RING_EVENT_IDX (1ull << 29)
#define VIRTIO_VERSION_1 (1ull << 32)

struct virtio_device {
  pci_function function;
  volatile u8 *common;
  volatile u8 *notify;
  u32 notify_multiplier;
  volatile u8 *isr;
  volatile u8 *config; /* the part of its type; NULL when it has none */
  u64 features;        /* those that both sides have */
};

/* Finds the first device of a type and resets it. False when there is none. */
bool virtio_find(u32 type, struct virtio_device *device);

/* The same with the first `skip` devices of the type left out. */
bool virtio_find_after(u32 type, u32 skip, struct virtio_device *device);

/*
 * Agrees on what the device offers of `wanted`, which gets the bits of the ring and the version
 * added. A device that refuses ends the guest.
 */
void virtio_negotiate(struct virtio_device *device, u64 wanted);

/*
 * Gives the device queue number `number` with so many entries, or the next power of two, if the
 * device lets it have as many. For it the device sends `message`, or no interrupts when that is NULL.
 * Ends the guest when the device has no such queue, or cannot send messages.
 */
void virtio_add_queue(struct virtio_device *device, u16 number, struct virtqueue *queue,
                      u32 entries, const struct interrupt_message *message);

/* After the queues: the device works from now on. */
void virtio_start(struct virtio_device *device);

/* The device uses no memory of the guest from now on. */
void virtio_reset(struct virtio_device *device);

/* A 64-bit word of the device's configuration, not torn by a change. */
u64 virtio_config64(const struct virtio_device *device, u32 at);

#endif
