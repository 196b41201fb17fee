/* The driver's side of a split virtqueue (virtio 1.2, 2.7). */
#ifndef VIRTQUEUE_H
#define VIRTQUEUE_H

#include "guest.h"

#define VIRTQUEUE_MAX 256 /* entries */
#define VIRTQUEUE_PARTS 4 /* buffers of one request, at most */
#define VIRTQUEUE_NOTE 16 /* bytes of a note beside the available ring */

/* A buffer of a request. What the device reads comes before what it writes (2.7.4.2). */
struct virtqueue_part {
  void *at;
  u32 length;
  bool device_writes;
};

struct virtqueue_descriptor { /* 2.7.5 */
  u64 address;
  u32 length;
  u16 flags;
  u16 next;
};

struct virtqueue_used { /* 2.7.8 */
  u16 flags;
  u16 index;
  struct {
    u32 id;
    u32 length;
  } ring[VIRTQUEUE_MAX];
  u16 avail_event_of_max;
  u8 beside[VIRTQUEUE_MAX + 1];
};

struct virtqueue_available { /* 2.7.6 */
  u16 flags;
  u16 index;
  u16 ring[VIRTQUEUE_MAX];
  u16 used_event_of_max;
  u8 beside[(VIRTQUEUE_MAX + 2) * VIRTQUEUE_NOTE];
};

/* Guest-virtual is guest-physical: the device reads this memory by the guest's own addresses. */
struct virtqueue {
  /* Shared with the device, each on cache lines of its own. */
  struct virtqueue_descriptor descriptors[VIRTQUEUE_MAX] __attribute__((aligned(4096)));
  struct virtqueue_available available __attribute__((aligned(128)));
  struct virtqueue_used used __attribute__((aligned(128)));
  struct virtqueue_descriptor tables[VIRTQUEUE_MAX][VIRTQUEUE_PARTS] __attribute__((aligned(128)));

  /* The driver's own. */
  u16 size __attribute__((aligned(128)));
  bool event_index;
  bool indirect;
  u16 free_head;
  u16 free_count;
  u16 published; /* requests made available, modulo 2^16 */
  u16 told;      /* of these the device was told, or needed not be told */
  u16 seen;      /* used entries taken */
  u64 kicks;     /* notifications sent */
  u64 taken;     /* requests finished */
  volatile u8 *notify; /* where the queue's index is written to notify the device */
  u16 number;
  u16 next_free[VIRTQUEUE_MAX]; /* also the next of a chain in flight */
  u16 held[VIRTQUEUE_MAX];      /* descriptors of the chain that begins here, 0: none */
  void *tokens[VIRTQUEUE_MAX];
};

/* Empties the queue. `size` is a power of two and at most VIRTQUEUE_MAX. */
void virtqueue_start(struct virtqueue *queue, u16 size, bool event_index, bool indirect);

/*
 * Makes a request available to the device. False when the queue has no room.
 * `token` comes back from virtqueue_take().
 */
bool virtqueue_add(struct virtqueue *queue, const struct virtqueue_part *parts, u32 count,
                   void *token);

/*
 * Room for what the driver tells and what it is told about the next request that is added, besides
 * its data: VIRTQUEUE_NOTE bytes beside the available ring for what the device reads, a byte beside
 * the used ring for what it writes. They cross between the cores on the rings' lines. The driver's
 * until the request is added and when it has come back, which is when the next one has them.
 */
void *virtqueue_note(struct virtqueue *queue);
u8 *virtqueue_reply(struct virtqueue *queue);

/* Notifies the device of what was added since the last time, if it wants to be. */
void virtqueue_kick(struct virtqueue *queue);

/*
 * Asks for one interrupt, at the next request that finishes. False when one is finished already: to
 * be taken, since no interrupt may come for it. Without this the device sends none.
 */
bool virtqueue_arm(struct virtqueue *queue);

/* The token of a finished request, or NULL when there is none; `length`: bytes that were written. */
void *virtqueue_take(struct virtqueue *queue, u32 *length);

#endif
