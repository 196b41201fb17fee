#include "arp.h"

#define TYPE_ARP 0x0806
#define TYPE_IPV4 0x0800
#define HARDWARE_ETHERNET 1
#define REQUEST 1
#define REPLY 2

struct arp {
  u8 to[NET_MAC_BYTES];
  u8 from[NET_MAC_BYTES];
  u16 type;
  u16 hardware, protocol; /* these and all others big-endian */
  u8 hardware_bytes, protocol_bytes;
  u16 operation;
  struct neighbour sender, target;
} __attribute__((packed));

static u16 big16(u16 value) {
  return __builtin_bswap16(value);
}

static bool same(const u8 *a, const u8 *b, u32 bytes) {
  for (u32 i = 0; i < bytes; i++) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

void arp_ask(u8 *frame, u32 length, const struct neighbour *own, const u8 *wanted) {
  struct arp *arp = (struct arp *)frame;
  memset(frame, 0, length);
  memset(arp->to, 0xff, NET_MAC_BYTES); /* everybody */
  memcpy(arp->from, own->mac, NET_MAC_BYTES);
  arp->type = big16(TYPE_ARP);
  arp->hardware = big16(HARDWARE_ETHERNET);
  arp->protocol = big16(TYPE_IPV4);
  arp->hardware_bytes = NET_MAC_BYTES;
  arp->protocol_bytes = IPV4_BYTES;
  arp->operation = big16(REQUEST);
  arp->sender = *own;
  memcpy(arp->target.address, wanted, IPV4_BYTES);
}

bool arp_answers(const u8 *frame, u32 length, const struct neighbour *own, const u8 *wanted) {
  const struct arp *arp = (const struct arp *)frame;
  return length >= sizeof *arp && arp->type == big16(TYPE_ARP) &&
         arp->protocol == big16(TYPE_IPV4) && arp->operation == big16(REPLY) &&
         same(arp->to, own->mac, NET_MAC_BYTES) &&
         same(arp->target.address, own->address, IPV4_BYTES) &&
         same(arp->sender.address, wanted, IPV4_BYTES);
}
