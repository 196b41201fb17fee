/*
 * Two of these guests speak raw Ethernet through the first virtio network device of each, polled.
 * Each needs an address of its own. The active one finds the other by a broadcast, or at
 * 02:00:00:00:00:N by peer=N in decimal.
 *
 * role=client sends n=COUNT requests of size=BYTES, one at a time, to a role=server, which echoes
 *   them: "@hist round_trip" and "@ticks round_trip".
 * role=source streams n frames of size=BYTES to a role=sink: "@ticks source" and "@ticks sink".
 * Both print "@count" of kicks, bytes and lost frames.
 */
#include "lib/virtio_net.h"

#define ETHERTYPE 0x88b5 /* IEEE 802, for local experiments */

enum kind { HELLO = 1, WELCOME, REQUEST, ANSWER, DATA, END, ENDED };

struct frame {
  u8 to[NET_MAC_BYTES];
  u8 from[NET_MAC_BYTES];
  u16 type; /* big-endian */
  u16 kind;
  u32 number;
  u8 filling[];
} __attribute__((packed));

#define PATIENCE 50000000ull         /* TSC ticks; about 25 ms at 2 GHz */
#define ATTEMPTS 400                 /* of the active side before it gives up */
#define LINGER (4 * PATIENCE)        /* of the passive side, in case its last word was lost */
#define NOBODY (ATTEMPTS * PATIENCE) /* of the passive side before it gives up */
#define KICK_EVERY 16                /* frames that a source sends */

static struct virtio_net net;
static const u8 everybody[NET_MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static u8 peer[NET_MAC_BYTES];
static u32 size;

static bool same_address(const u8 *a, const u8 *b) {
  for (u32 i = 0; i < NET_MAC_BYTES; i++) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

static u8 filling_at(u32 number, u32 i) {
  return (u8)(number + i);
}

/* Makes a frame available to the device, which is not told yet. */
static void put(const u8 *to, enum kind kind, u32 number, u32 length) {
  struct net_buffer *buffer;
  while (!(buffer = virtio_net_prepare(&net))) {
    virtio_net_kick(&net);
    relax();
  }
  struct frame *frame = (struct frame *)buffer->frame;
  memcpy(frame->to, to, NET_MAC_BYTES);
  memcpy(frame->from, net.mac, NET_MAC_BYTES);
  frame->type = __builtin_bswap16(ETHERTYPE);
  frame->kind = (u16)kind;
  frame->number = number;
  for (u32 i = 0; i < length - sizeof *frame; i++) frame->filling[i] = filling_at(number, i);
  buffer->length = length;
  virtio_net_send(&net, buffer);
}

static void send(const u8 *to, enum kind kind, u32 number, u32 length) {
  put(to, kind, number, length);
  virtio_net_kick(&net);
}

static struct frame *frame_of(struct net_buffer *buffer) {
  return (struct frame *)buffer->frame;
}

/* Ours is a frame of our type, of somebody else, to us or to everybody. */
static bool is_ours(struct net_buffer *buffer) {
  const struct frame *frame = frame_of(buffer);
  return buffer->length >= NET_FRAME_MIN && frame->type == __builtin_bswap16(ETHERTYPE) &&
         !same_address(frame->from, net.mac) &&
         (same_address(frame->to, net.mac) || same_address(frame->to, everybody));
}

/* The next frame of ours, or NULL when none comes before `deadline`. */
static struct net_buffer *next_frame(u64 deadline) {
  for (;;) {
    struct net_buffer *buffer = virtio_net_receive(&net);
    if (buffer && is_ours(buffer)) return buffer;
    if (buffer) {
      virtio_net_release(&net, buffer);
      continue;
    }
    virtio_net_kick(&net); /* of the buffers that were released */
    if (ticks() > deadline) return NULL;
    relax();
  }
}

static void check_filling(struct net_buffer *buffer) {
  const struct frame *frame = frame_of(buffer);
  for (u32 i = 0; i < buffer->length - sizeof *frame; i++) {
    if (frame->filling[i] == filling_at(frame->number, i)) continue;
    print("verify FAILED frame ");
    print_number(frame->number);
    print("\n");
    power_off(1);
  }
}

/* ---- the active side ---- */

/* Waits for a frame of this kind and number. `from` gets its sender. False when it does not come. */
static bool await(enum kind kind, u32 number, u32 length, u8 *from) {
  u64 deadline = ticks() + PATIENCE;
  struct net_buffer *buffer;
  while ((buffer = next_frame(deadline))) {
    const struct frame *frame = frame_of(buffer);
    bool wanted = frame->kind == kind && frame->number == number && buffer->length == length;
    if (wanted && from) memcpy(from, frame->from, NET_MAC_BYTES);
    if (wanted) check_filling(buffer);
    virtio_net_release(&net, buffer);
    if (wanted) return true;
  }
  return false;
}

/* Says something until it is answered; gives up when it never is. Returns how often it failed. */
static u32 insist(const u8 *to, enum kind kind, enum kind answer, u32 number, u32 length,
                  u8 *from) {
  for (u32 attempt = 0; attempt < ATTEMPTS; attempt++) {
    send(to, kind, number, length);
    if (await(answer, number, length, from)) return attempt;
  }
  give_up("nobody answers");
}

static u64 kicks(void) {
  return net.transmit.kicks + net.receive.kicks;
}

static void client(u32 n) {
  u64 lost = 0, kicks_before = kicks();
  histogram_reset();
  u64 started = ticks();
  for (u32 i = 0; i < n; i++) {
    u64 asked = ticks();
    u32 failures = insist(peer, REQUEST, ANSWER, i, size, NULL);
    if (failures == 0) histogram_add(ticks() - asked);
    lost += failures;
  }
  u64 spent = ticks() - started;
  histogram_print("round_trip");
  print_ticks("round_trip", n, spent);
  print_count("kicks", kicks() - kicks_before);
  print_count("bytes", (u64)n * size);
  print_count("lost", lost);
}

static void source(u32 n) {
  u64 kicks_before = kicks(), started = ticks();
  for (u32 i = 0; i < n; i++) {
    put(peer, DATA, i, size);
    if (i % KICK_EVERY == KICK_EVERY - 1) virtio_net_kick(&net);
  }
  virtio_net_drain(&net);
  print_ticks("source", n, ticks() - started);
  print_count("kicks", kicks() - kicks_before);
  print_count("bytes", (u64)n * size);
}

/* ---- the passive side ---- */

static void passive(void) {
  u64 answered = 0, frames = 0, bytes = 0, first = 0, last = 0, kicks_before = kicks();
  u32 sent_by_peer = 0;
  bool ended = false;
  u64 deadline = ticks() + NOBODY;
  struct net_buffer *buffer;
  while ((buffer = next_frame(deadline))) {
    const struct frame *frame = frame_of(buffer);
    check_filling(buffer);
    switch (frame->kind) {
      case HELLO:
        send(frame->from, WELCOME, frame->number, buffer->length);
        break;
      case REQUEST:
        answered++;
        send(frame->from, ANSWER, frame->number, buffer->length);
        break;
      case DATA:
        last = ticks();
        if (frames++ == 0) first = last;
        bytes += buffer->length;
        break;
      case END:
        ended = true;
        sent_by_peer = frame->number;
        send(frame->from, ENDED, frame->number, buffer->length);
        break;
    }
    virtio_net_release(&net, buffer);
    deadline = ticks() + (ended ? LINGER : NOBODY);
  }
  if (!ended) give_up("nobody came");
  if (answered) print_count("answered", answered);
  if (frames) print_ticks("sink", frames, last - first);
  print_count("kicks", kicks() - kicks_before);
  print_count("bytes", bytes);
  if (frames) print_count("lost", sent_by_peer - frames);
}

void guest_main(void) {
  u32 n = (u32)option_number("n", 1000);
  size = (u32)option_number("size", NET_FRAME_MIN);
  bool waits = option_has("role", "server") || option_has("role", "sink");
  bool streams = option_has("role", "source");
  if (!waits && !streams && !option_has("role", "client")) {
    give_up("role is not one of client, server, source, sink");
  }
  if (size < NET_FRAME_MIN || size > NET_FRAME_MAX) give_up("size is not from 60 to 1514");
  if (!virtio_net_open(&net)) give_up("no virtio network device");
  if (waits) {
    passive();
  } else {
    const u8 number = (u8)option_number("peer", 0), named[NET_MAC_BYTES] = {2, 0, 0, 0, 0, number};
    insist(number ? named : everybody, HELLO, WELCOME, 0, NET_FRAME_MIN, peer);
    if (streams) source(n);
    else client(n);
    insist(peer, END, ENDED, n, NET_FRAME_MIN, NULL);
  }
  virtio_net_drain(&net);
  virtio_reset(&net.device);
}
