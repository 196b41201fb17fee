#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>
#include <net/if.h>
#include <linux/if_tun.h>

#include "exports.h"
#include "stub.h"

#define FRAME_MAX 65536 /* bytes, and more than any interface has */

struct tap {
  int fd;
  unsigned char frame[FRAME_MAX]; /* the one that was received last */
};

int32_t sx_tap_open(const uint8_t *name, uint32_t size) {
  if (!name || size < 2 || size > IFNAMSIZ || memchr(name, 0, size) != name + size - 1) {
    return fail_with("sx_tap_open", EINVAL);
  }
  int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail("open of /dev/net/tun");
  /* No headers of the kernel's: a read or write is one whole frame. */
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  memcpy(request.ifr_name, name, size);
  int result = ioctl(fd, TUNSETIFF, &request) ? fail("ioctl TUNSETIFF") : 0;
  struct tap *tap = result == 0 ? malloc(sizeof *tap) : NULL;
  if (tap) {
    tap->fd = fd;
    result = handle_open(HANDLE_TAP, tap);
    if (result > 0) return result;
    fail_with("sx_tap_open", -result);
    free(tap);
  }
  close(fd);
  return result ? result : fail_with("malloc", ENOMEM);
}

int32_t sx_tap_receive(int32_t handle, int32_t vm_handle, const uint32_t *segments,
                       uint32_t count) {
  struct tap *tap = handle_get(HANDLE_TAP, handle);
  struct vm *vm = handle_get(HANDLE_VM, vm_handle);
  if (!tap || !vm) return fail_with("sx_tap_receive", EBADF);
  struct iovec parts[SX_MOST_SEGMENTS];
  uint64_t total;
  int result = segments_translate(vm, segments, count, parts, &total);
  if (result) return fail_with("sx_tap_receive", -result);
  /* Into memory of our own: the kernel cuts off what does not fit, and takes longer for parts. */
  ssize_t got = read(tap->fd, tap->frame, sizeof tap->frame);
  if (got < 0) return fail("read of a tap");
  if ((uint64_t)got > total) return fail_with("read of a tap", EMSGSIZE);
  const unsigned char *from = tap->frame;
  for (size_t i = 0, left = (size_t)got; left; i++) {
    size_t part = left < parts[i].iov_len ? left : parts[i].iov_len;
    memcpy(parts[i].iov_base, from, part);
    from += part;
    left -= part;
  }
  return (int32_t)got;
}

int32_t sx_tap_send(int32_t handle, int32_t vm_handle, const uint32_t *segments, uint32_t count) {
  struct tap *tap = handle_get(HANDLE_TAP, handle);
  struct vm *vm = handle_get(HANDLE_VM, vm_handle);
  if (!tap || !vm) return fail_with("sx_tap_send", EBADF);
  struct iovec parts[SX_MOST_SEGMENTS];
  uint64_t total;
  int result = segments_translate(vm, segments, count, parts, &total);
  if (result) return fail_with("sx_tap_send", -result);
  ssize_t sent = count == 1 ? write(tap->fd, parts[0].iov_base, parts[0].iov_len)
                            : writev(tap->fd, parts, (int)count);
  return sent < 0 ? fail("write to a tap") : (int32_t)sent;
}

int32_t sx_tap_close(int32_t handle) {
  struct tap *tap = handle_close(HANDLE_TAP, handle);
  if (!tap) return fail_with("sx_tap_close", EBADF);
  close(tap->fd);
  free(tap);
  return 0;
}
