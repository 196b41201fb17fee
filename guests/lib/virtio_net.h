/* A network device (virtio 1.2, 5.1): whole Ethernet frames, polled, without offloads. */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H

#include "virtio_pci.h"

#define NET_BUFFERS 128 /* of each direction */
#define NET_FRAME_MIN 60
#define NET_FRAME_MAX 1514
#define NET_MAC_BYTES 6

struct net_buffer {
  u8 header[12]; /* struct virtio_net_hdr, 5.1.6; all zero: no offload */
  u8 frame[NET_FRAME_MAX];
  u32 length; /* of the frame */
} __attribute__((aligned(64)));

struct virtio_net {
  struct virtio_device device;
  u8 mac[NET_MAC_BYTES];
  struct virtqueue receive, transmit;
  struct net_buffer received[NET_BUFFERS], sent[NET_BUFFERS];
  struct net_buffer *idle[NET_BUFFERS]; /* transmit buffers that are not in flight */
  u32 idle_count;
  u32 buffers; /* of each direction, at most what its queue holds */
};

/* Opens the first network device and gives it its receive buffers. False when there is none. */
bool virtio_net_open(struct virtio_net *net);

/* A transmit buffer to fill, or NULL while all of them are in flight. */
struct net_buffer *virtio_net_prepare(struct virtio_net *net);

/* Sends a prepared buffer of `length` bytes. */
void virtio_net_send(struct virtio_net *net, struct net_buffer *buffer);

/* A frame that arrived, or NULL; the caller's until it is released. */
struct net_buffer *virtio_net_receive(struct virtio_net *net);
void virtio_net_release(struct virtio_net *net, struct net_buffer *buffer);

/* Tells the device of what was sent and released, where it wants to be told. */
void virtio_net_kick(struct virtio_net *net);

/* Waits until the device has taken every frame that was sent. */
void virtio_net_drain(struct virtio_net *net);

#endif
