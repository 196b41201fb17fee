/* Asks an IPv4 host of the network for its Ethernet address (RFC 826). */
#ifndef ARP_H
#define ARP_H

#include "virtio_net.h"

#define IPV4_BYTES 4

struct neighbour {
  u8 mac[NET_MAC_BYTES];
  u8 address[IPV4_BYTES];
};

/* A frame of `length` bytes, NET_FRAME_MIN at least, with the question who has `wanted`. */
void arp_ask(u8 *frame, u32 length, const struct neighbour *own, const u8 *wanted);

/* Whether a frame tells us where `wanted` is. */
bool arp_answers(const u8 *frame, u32 length, const struct neighbour *own, const u8 *wanted);

#endif
