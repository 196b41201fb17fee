#include "virtio_net.h"

#include "mmio.h"

#define FEATURE_MAC (1ull << 5) /* virtio 1.2, 5.1.3 */
#define CONFIG_MAC 0            /* 5.1.4 */

/* Queues of a device with one pair (5.1.2). */
#define RECEIVE_QUEUE 0
#define TRANSMIT_QUEUE 1

/* Header and frame are one buffer: since version 1 a device takes any layout (2.7.4). */
#define HEADER_BYTES offsetof(struct net_buffer, frame)

void virtio_net_release(struct virtio_net *net, struct net_buffer *buffer) {
  struct virtqueue_part part = {buffer, HEADER_BYTES + NET_FRAME_MAX, true};
  virtqueue_add(&net->receive, &part, 1, buffer);
}

bool virtio_net_open(struct virtio_net *net) {
  if (!virtio_find(VIRTIO_TYPE_NET, &net->device)) return false;
  virtio_negotiate(&net->device, FEATURE_MAC);
  if (!(net->device.features & FEATURE_MAC) || !net->device.config) {
    give_up("the network device has no address");
  }
  for (u32 i = 0; i < NET_MAC_BYTES; i++) {
    net->mac[i] = mmio_read8(net->device.config + CONFIG_MAC + i);
  }
  virtio_add_queue(&net->device, RECEIVE_QUEUE, &net->receive, NET_BUFFERS, NULL);
  virtio_add_queue(&net->device, TRANSMIT_QUEUE, &net->transmit, NET_BUFFERS, NULL);
  u32 room = net->receive.size < net->transmit.size ? net->receive.size : net->transmit.size;
  net->buffers = room < NET_BUFFERS ? room : NET_BUFFERS;
  net->idle_count = 0;
  for (u32 i = 0; i < net->buffers; i++) {
    net->idle[net->idle_count++] = &net->sent[i];
    virtio_net_release(net, &net->received[i]);
  }
  virtio_start(&net->device);
  virtio_net_kick(net);
  return true;
}

static void reap(struct virtio_net *net) {
  struct net_buffer *buffer;
  u32 written;
  while ((buffer = virtqueue_take(&net->transmit, &written))) {
    net->idle[net->idle_count++] = buffer;
  }
}

struct net_buffer *virtio_net_prepare(struct virtio_net *net) {
  if (net->idle_count == 0) reap(net);
  return net->idle_count ? net->idle[--net->idle_count] : NULL;
}

void virtio_net_send(struct virtio_net *net, struct net_buffer *buffer) {
  memset(buffer->header, 0, sizeof buffer->header);
  struct virtqueue_part part = {buffer, (u32)HEADER_BYTES + buffer->length, false};
  virtqueue_add(&net->transmit, &part, 1, buffer);
}

struct net_buffer *virtio_net_receive(struct virtio_net *net) {
  u32 written;
  struct net_buffer *buffer = virtqueue_take(&net->receive, &written);
  if (buffer) buffer->length = written > HEADER_BYTES ? written - (u32)HEADER_BYTES : 0;
  return buffer;
}

void virtio_net_kick(struct virtio_net *net) {
  virtqueue_kick(&net->transmit);
  virtqueue_kick(&net->receive);
}

void virtio_net_drain(struct virtio_net *net) {
  virtio_net_kick(net);
  while (net->idle_count < net->buffers) {
    reap(net);
    relax();
  }
}
