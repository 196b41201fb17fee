#include "virtio_blk.h"

/* Feature bits (virtio 1.2, 5.2.3). */
#define FEATURE_READ_ONLY (1ull << 5)
#define FEATURE_FLUSH (1ull << 9)
#define FEATURE_MULTI_QUEUE (1ull << 12)

#define CONFIG_CAPACITY 0 /* 5.2.4 */

#define PARTS 3 /* of a request: header, data, status */

#define NOT_DONE 0xff /* no status of 5.2.6 */

_Static_assert(sizeof(struct virtio_blk_header) <= VIRTQUEUE_NOTE, "a header is a note");

bool virtio_blk_open(struct virtio_blk *disk) {
  return virtio_blk_open_at(disk, 0, 0, VIRTIO_BLK_DEPTH, NULL);
}

bool virtio_blk_open_at(struct virtio_blk *disk, u32 number, u16 queue, u32 depth,
                        const struct interrupt_message *message) {
  if (!virtio_find_after(VIRTIO_TYPE_BLOCK, number, &disk->device)) return false;
  virtio_negotiate(&disk->device, FEATURE_READ_ONLY | FEATURE_FLUSH | FEATURE_MULTI_QUEUE);
  disk->read_only = disk->device.features & FEATURE_READ_ONLY;
  disk->can_flush = disk->device.features & FEATURE_FLUSH;
  disk->sectors = virtio_config64(&disk->device, CONFIG_CAPACITY);
  disk->interrupts = message != NULL;
  bool indirect = disk->device.features & VIRTIO_RING_INDIRECT_DESC;
  u32 entries = indirect ? depth : PARTS * depth;
  /* No chain is longer than its queue (virtio 1.2, 2.7.5.3.1). */
  virtio_add_queue(&disk->device, queue, &disk->queue, entries < PARTS ? PARTS : entries, message);
  virtio_start(&disk->device);
  return true;
}

bool virtio_blk_submit(struct virtio_blk *disk, struct virtio_blk_request *request, u32 type,
                       u64 sector, u8 *data, u32 length) {
  struct virtio_blk_header *header = virtqueue_note(&disk->queue);
  u8 *reply = virtqueue_reply(&disk->queue);
  struct virtqueue_part parts[PARTS] = {{header, sizeof *header, false}};
  u32 count = 1;
  if (length) parts[count++] = (struct virtqueue_part){data, length, type == VIRTIO_BLK_READ};
  parts[count++] = (struct virtqueue_part){reply, sizeof *reply, true};
  request->header = (struct virtio_blk_header){.type = type, .sector = sector};
  *header = request->header;
  request->reply = reply;
  return virtqueue_add(&disk->queue, parts, count, request);
}

void virtio_blk_kick(struct virtio_blk *disk) {
  virtqueue_kick(&disk->queue);
}

struct virtio_blk_request *virtio_blk_poll(struct virtio_blk *disk) {
  u32 written;
  struct virtio_blk_request *request = virtqueue_take(&disk->queue, &written);
  if (request) request->status = written ? *request->reply : NOT_DONE;
  return request;
}

struct virtio_blk_request *virtio_blk_next(struct virtio_blk *disk) {
  struct virtio_blk_request *request;
  while (!(request = virtio_blk_poll(disk))) {
    /* Counted from before the wish: the interrupt that answers it is never missed. */
    u64 before = interrupts_taken();
    if (!disk->interrupts) {
      relax();
    } else if (virtqueue_arm(&disk->queue)) {
      while (interrupts_taken() == before) relax();
    }
  }
  return request;
}

u8 virtio_blk_wait(struct virtio_blk *disk, u32 type, u64 sector, u8 *data, u32 length) {
  static struct virtio_blk_request request;
  if (!virtio_blk_submit(disk, &request, type, sector, data, length)) return NOT_DONE;
  virtio_blk_kick(disk);
  virtio_blk_next(disk);
  return request.status;
}
