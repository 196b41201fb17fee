/* A block device (virtio 1.2, 5.2). */
#ifndef VIRTIO_BLK_H
#define VIRTIO_BLK_H

#include "virtio_pci.h"

#define SECTOR_BYTES 512
#define VIRTIO_BLK_DEPTH 64 /* requests in flight, at most */

/* Request types (5.2.6). */
#define VIRTIO_BLK_READ 0
#define VIRTIO_BLK_WRITE 1
#define VIRTIO_BLK_FLUSH 4

/* What the device reads of a request (5.2.6). */
struct virtio_blk_header {
  u32 type;
  u32 reserved;
  u64 sector;
};

/* A request in flight; the caller's until it is submitted and again when it comes back. */
struct virtio_blk_request {
  struct virtio_blk_header header;
  u8 status; /* 0: done */
  const u8 *reply; /* where the device writes it */
  /* The caller's own. */
  u64 block;
  u64 asked;
  u8 *data;
};

struct virtio_blk {
  struct virtio_device device;
  u64 sectors;
  bool read_only;
  bool can_flush; /* false: what is written is kept */
  bool interrupts;
  struct virtqueue queue;
};

/* Opens the first block device, polled. False when there is none. */
bool virtio_blk_open(struct virtio_blk *disk);

/*
 * Opens block device `number`, from 0, by one of its queues, which has room for `depth` requests at
 * once, if the device lets it, and not for many more: the fewer lines a queue has, the fewer cross
 * between cores. It sends `message` to those that wait; NULL: they poll it.
 */
bool virtio_blk_open_at(struct virtio_blk *disk, u32 number, u16 queue, u32 depth,
                        const struct interrupt_message *message);

/* Adds a request. False when the queue has no room. A flush has no data. */
bool virtio_blk_submit(struct virtio_blk *disk, struct virtio_blk_request *request, u32 type,
                       u64 sector, u8 *data, u32 length);

/* Tells the device of what was submitted, if it wants to be told. */
void virtio_blk_kick(struct virtio_blk *disk);

/* A request that is finished, or NULL. */
struct virtio_blk_request *virtio_blk_poll(struct virtio_blk *disk);

/* Waits for a request that is finished. One must be in flight. */
struct virtio_blk_request *virtio_blk_next(struct virtio_blk *disk);

/* Submits a request and waits for it, with no other in flight. Returns its status. */
u8 virtio_blk_wait(struct virtio_blk *disk, u32 type, u64 sector, u8 *data, u32 length);

#endif
