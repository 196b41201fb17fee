#include "virtqueue.h"

#include "mmio.h"

/* Descriptor flags (virtio 1.2, 2.7.5). */
#define DESCRIPTOR_NEXT 1
#define DESCRIPTOR_WRITE 2
#define DESCRIPTOR_INDIRECT 4

#define AVAILABLE_NO_INTERRUPT 1 /* 2.7.6 */
#define USED_NO_NOTIFY 1         /* 2.7.8 */

/*
 * With the event index the device interrupts when its index passes used_event (2.7.7). Half the
 * number space ahead it never does; it is moved on well before the index comes there.
 */
#define NEVER 0x8000
#define MOVE_ON_EVERY 0x2000

/* The event words stand behind the last ring entry of the size in use (2.7.6, 2.7.8). */
static u16 *used_event(struct virtqueue *queue) {
  return (u16 *)((u8 *)&queue->available + offsetof(struct virtqueue_available, ring) +
                 queue->size * sizeof(u16));
}

static const u16 *avail_event(const struct virtqueue *queue) {
  return (const u16 *)((const u8 *)&queue->used + offsetof(struct virtqueue_used, ring) +
                       queue->size * sizeof queue->used.ring[0]);
}

void *virtqueue_note(struct virtqueue *queue) {
  u64 behind = (u64)(used_event(queue) + 1);
  return (u8 *)((behind + VIRTQUEUE_NOTE - 1) & -VIRTQUEUE_NOTE) + queue->free_head * VIRTQUEUE_NOTE;
}

u8 *virtqueue_reply(struct virtqueue *queue) {
  return (u8 *)(avail_event(queue) + 1) + queue->free_head;
}

static void store16(u16 *at, u16 value) {
  __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static u16 load16(const u16 *at) {
  return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

void virtqueue_start(struct virtqueue *queue, u16 size, bool event_index, bool indirect) {
  memset(queue, 0, sizeof *queue);
  queue->size = size;
  queue->event_index = event_index;
  queue->indirect = indirect;
  queue->free_count = size;
  for (u16 i = 0; i < size; i++) queue->next_free[i] = (u16)(i + 1);
  if (event_index) {
    store16(used_event(queue), NEVER); /* the flags must stay 0 (2.7.7.1) */
  } else {
    store16(&queue->available.flags, AVAILABLE_NO_INTERRUPT);
  }
}

/* `next` follows when there is a `more`. */
static struct virtqueue_descriptor describe(const struct virtqueue_part *part, bool more,
                                            u16 next) {
  return (struct virtqueue_descriptor){
      .address = (u64)part->at,
      .length = part->length,
      .flags = (part->device_writes ? DESCRIPTOR_WRITE : 0) | (more ? DESCRIPTOR_NEXT : 0),
      .next = next,
  };
}

/* A descriptor that stays as it was is not written: its line stays in the device's cache, too. */
static void set_descriptor(struct virtqueue_descriptor *at, struct virtqueue_descriptor value) {
  bool same = at->address == value.address && at->length == value.length &&
              at->flags == value.flags && at->next == value.next;
  if (!same) *at = value;
}

bool virtqueue_add(struct virtqueue *queue, const struct virtqueue_part *parts, u32 count,
                   void *token) {
  bool indirect = queue->indirect && count > 1;
  u16 needed = indirect ? 1 : (u16)count;
  if (count == 0 || count > VIRTQUEUE_PARTS || queue->free_count < needed) return false;
  u16 head = queue->free_head;
  if (indirect) {
    struct virtqueue_descriptor *table = queue->tables[head];
    for (u32 i = 0; i < count; i++) {
      bool last = i + 1 == count;
      set_descriptor(&table[i], describe(&parts[i], !last, last ? 0 : (u16)(i + 1)));
    }
    set_descriptor(&queue->descriptors[head], (struct virtqueue_descriptor){
                                                  .address = (u64)table,
                                                  .length = count * (u32)sizeof *table,
                                                  .flags = DESCRIPTOR_INDIRECT,
                                              });
    queue->free_head = queue->next_free[head];
  } else {
    u16 at = head;
    for (u32 i = 0; i < count; i++) {
      u16 next = queue->next_free[at];
      bool last = i + 1 == count;
      set_descriptor(&queue->descriptors[at], describe(&parts[i], !last, last ? 0 : next));
      at = next;
    }
    queue->free_head = at;
  }
  queue->free_count -= needed;
  queue->held[head] = needed;
  queue->tokens[head] = token;
  queue->available.ring[queue->published % queue->size] = head;
  /* The index last: whoever sees it sees the entry and its descriptors (2.7.13.3). */
  store16(&queue->available.index, ++queue->published);
  return true;
}

void virtqueue_kick(struct virtqueue *queue) {
  u16 before = queue->told, now = queue->published;
  if (before == now) return;
  queue->told = now;
  /* Either the device sees the new index, or this sees that it asks to be told (2.7.13.4.1). */
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  bool wanted = queue->event_index
                    ? (u16)(now - load16(avail_event(queue)) - 1) < (u16)(now - before)
                    : !(load16(&queue->used.flags) & USED_NO_NOTIFY);
  if (!wanted) return;
  queue->kicks++;
  mmio_write16(queue->notify, queue->number);
}

bool virtqueue_arm(struct virtqueue *queue) {
  if (queue->event_index) {
    store16(used_event(queue), queue->seen);
  } else {
    store16(&queue->available.flags, 0);
  }
  /* Either the device sees the wish, or this sees what it finished (2.7.10). */
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  return load16(&queue->used.index) == queue->seen;
}

void *virtqueue_take(struct virtqueue *queue, u32 *length) {
  if (load16(&queue->used.index) == queue->seen) return NULL;
  if (!queue->event_index && !queue->available.flags) {
    store16(&queue->available.flags, AVAILABLE_NO_INTERRUPT);
  }
  u16 entry = queue->seen++ % queue->size;
  u32 head = queue->used.ring[entry].id;
  *length = queue->used.ring[entry].length;
  if (head >= queue->size || !queue->held[head]) {
    give_up("the device returned a request that it did not have");
  }
  u16 last = (u16)head;
  for (u16 i = 1; i < queue->held[head]; i++) last = queue->next_free[last];
  queue->next_free[last] = queue->free_head;
  queue->free_head = (u16)head;
  queue->free_count += queue->held[head];
  queue->held[head] = 0;
  queue->taken++;
  if (queue->event_index && queue->seen % MOVE_ON_EVERY == 0) {
    store16(used_event(queue), (u16)(queue->seen + NEVER));
  }
  return queue->tokens[head];
}
