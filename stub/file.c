#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exports.h"
#include "stub.h"

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

struct transfer {
  int fd;
  void *memory;
  off_t offset;
};

static int transfer_check(struct transfer *out, int32_t handle, int32_t vm_handle,
                          uint64_t address, uint32_t length, uint64_t offset) {
  struct file *file = handle_get(HANDLE_FILE, handle);
  struct vm *vm = handle_get(HANDLE_VM, vm_handle);
  if (!file || !vm) return fail_with("file transfer", EBADF);
  unsigned char *memory = vm_translate(vm, address, length);
  if (!memory) return fail_with("file transfer", EFAULT);
  if (offset > INT64_MAX - (uint64_t)length) return fail_with("file transfer", EINVAL);
  *out = (struct transfer){file->fd, memory, (off_t)offset};
  return 0;
}

static uint64_t join(uint32_t lo, uint32_t hi) {
  return (uint64_t)hi << 32 | lo;
}

int32_t sx_file_read(int32_t file, int32_t vm, uint32_t address_lo, uint32_t address_hi,
                     uint32_t length, uint32_t offset_lo, uint32_t offset_hi) {
  struct transfer to;
  int result = transfer_check(&to, file, vm, join(address_lo, address_hi), length,
                              join(offset_lo, offset_hi));
  if (result) return result;
  ssize_t moved = pread(to.fd, to.memory, length, to.offset);
  return moved < 0 ? fail("pread") : (int32_t)moved;
}

int32_t sx_file_write(int32_t file, int32_t vm, uint32_t address_lo, uint32_t address_hi,
                      uint32_t length, uint32_t offset_lo, uint32_t offset_hi) {
  struct transfer from;
  int result = transfer_check(&from, file, vm, join(address_lo, address_hi), length,
                              join(offset_lo, offset_hi));
  if (result) return result;
  ssize_t moved = pwrite(from.fd, from.memory, length, from.offset);
  return moved < 0 ? fail("pwrite") : (int32_t)moved;
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
