#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "exports.h"
#include "stub.h"

#define MOST_SEGMENTS 1024

struct file {
  int fd;
};

int32_t sx_file_open(const uint8_t *path, uint32_t size, uint32_t writable) {
  if (!path || !size || !memchr(path, 0, size)) return fail_with("sx_file_open", EINVAL);
  /* O_NONBLOCK: opening a FIFO must not wait for its other end before it is refused. */
  int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
  int fd = open((const char *)path, flags);
  if (fd < 0) return fail("open");
  struct stat status;
  int result = fstat(fd, &status) ? fail("fstat") : 0;
  if (result == 0 && S_ISDIR(status.st_mode)) result = fail_with("open", EISDIR);
  if (result == 0 && !S_ISREG(status.st_mode)) result = fail_with("open a regular file", EINVAL);
  struct file *file = result == 0 ? malloc(sizeof *file) : NULL;
  if (file) {
    file->fd = fd;
    result = handle_open(HANDLE_FILE, file);
    if (result > 0) return result;
    fail_with("sx_file_open", -result);
    free(file);
  }
  close(fd);
  return result ? result : fail_with("malloc", ENOMEM);
}

double sx_file_size(int32_t handle) {
  struct file *file = handle_get(HANDLE_FILE, handle);
  if (!file) return fail_with("sx_file_size", EBADF);
  struct stat status;
  if (fstat(file->fd, &status)) return fail("fstat");
  return (double)status.st_size;
}

static uint64_t join(uint32_t lo, uint32_t hi) {
  return (uint64_t)hi << 32 | lo;
}

/* Moves bytes between a file and segments of a machine's memory by preadv or pwritev. */
static int32_t move(ssize_t (*call)(int, const struct iovec *, int, off_t), const char *name,
                    int32_t file_handle, int32_t vm_handle, const uint32_t *segments,
                    uint32_t count, uint64_t offset) {
  struct file *file = handle_get(HANDLE_FILE, file_handle);
  struct vm *vm = handle_get(HANDLE_VM, vm_handle);
  if (!file || !vm) return fail_with("file transfer", EBADF);
  if (!segments || count > MOST_SEGMENTS) return fail_with("file transfer", EINVAL);
  struct iovec parts[MOST_SEGMENTS];
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t address = join(segments[3 * i], segments[3 * i + 1]);
    uint32_t length = segments[3 * i + 2];
    if (address > vm->memory.size || length > vm->memory.size - address) {
      return fail_with("file transfer", EFAULT);
    }
    parts[i] = (struct iovec){vm->memory.base + address, length};
    total += length;
  }
  if (total > INT32_MAX || offset > INT64_MAX - total) return fail_with("file transfer", EINVAL);
  ssize_t moved = call(file->fd, parts, (int)count, (off_t)offset);
  return moved < 0 ? fail(name) : (int32_t)moved;
}

int32_t sx_file_read_segments(int32_t file, int32_t vm, const uint32_t *segments, uint32_t count,
                              uint32_t offset_lo, uint32_t offset_hi) {
  return move(preadv, "preadv", file, vm, segments, count, join(offset_lo, offset_hi));
}

int32_t sx_file_write_segments(int32_t file, int32_t vm, const uint32_t *segments, uint32_t count,
                               uint32_t offset_lo, uint32_t offset_hi) {
  return move(pwritev, "pwritev", file, vm, segments, count, join(offset_lo, offset_hi));
}

int32_t sx_file_read(int32_t file, int32_t vm, uint32_t address_lo, uint32_t address_hi,
                     uint32_t length, uint32_t offset_lo, uint32_t offset_hi) {
  const uint32_t segment[] = {address_lo, address_hi, length};
  return sx_file_read_segments(file, vm, segment, 1, offset_lo, offset_hi);
}

int32_t sx_file_write(int32_t file, int32_t vm, uint32_t address_lo, uint32_t address_hi,
                      uint32_t length, uint32_t offset_lo, uint32_t offset_hi) {
  const uint32_t segment[] = {address_lo, address_hi, length};
  return sx_file_write_segments(file, vm, segment, 1, offset_lo, offset_hi);
}

int32_t sx_file_flush(int32_t handle) {
  struct file *file = handle_get(HANDLE_FILE, handle);
  if (!file) return fail_with("sx_file_flush", EBADF);
  return fsync(file->fd) ? fail("fsync") : 0;
}

int32_t sx_file_close(int32_t handle) {
  struct file *file = handle_close(HANDLE_FILE, handle);
  if (!file) return fail_with("sx_file_close", EBADF);
  close(file->fd);
  free(file);
  return 0;
}
