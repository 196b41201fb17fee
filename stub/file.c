#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Linux 5.14; older headers do not have it. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

#include "exports.h"
#include "stub.h"

/*
 * Reads up to this size are copied from a mapping of the file, without a system call. Larger ones
 * are where it is known to be mapped: a copy of the processor's takes less time than the kernel's, but
 * not with a fault at every few pages.
 */
#define MAPPED_READ 65536
#define MAPPED_AT_ONCE (512u << 20)
#define CHUNK (1u << 20)
#define PAGE 4096
#define PREFETCHED 4096
#define CACHE_LINE 64

struct file {
  int fd;
  unsigned char *map; /* NULL when the file cannot be mapped */
  uint64_t map_size;  /* the file's size when it was opened */
  bool mapped[MAPPED_AT_ONCE / CHUNK]; /* chunks that were in the page cache then */
  struct flusher *flusher; /* NULL when the file is read-only */
};

/*
 * Maps what the page cache already has of a file, so that no first read of a page takes a fault. What
 * would have to come from the disk is left alone, and so is a kernel that cannot.
 */
static void map_cached(struct file *file) {
  unsigned char resident[CHUNK / PAGE];
  uint64_t size = file->map_size < MAPPED_AT_ONCE ? file->map_size : MAPPED_AT_ONCE;
  for (uint64_t at = 0; at + CHUNK <= size; at += CHUNK) {
    if (mincore(file->map + at, CHUNK, resident)) return;
    if (memchr(resident, 0, sizeof resident)) continue;
    if (madvise(file->map + at, CHUNK, MADV_POPULATE_READ)) return;
    file->mapped[at / CHUNK] = true;
  }
}

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
  if (result == 0) result = guarded_copy_install();
  struct file *file = result == 0 ? malloc(sizeof *file) : NULL;
  if (file) {
    *file = (struct file){.fd = fd, .map_size = (uint64_t)status.st_size};
    void *map = mmap(NULL, file->map_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) {
      file->map = map;
      map_cached(file);
    }
    if (writable) file->flusher = flusher_create(fd);
    result = writable && !file->flusher ? -EAGAIN : handle_open(HANDLE_FILE, file);
    if (result > 0) return result;
    if (file->flusher) flusher_destroy(file->flusher);
    fail_with("sx_file_open", -result);
    if (file->map) munmap(file->map, file->map_size);
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

/* A transfer that has been checked. */
struct transfer {
  const struct file *file;
  uint64_t offset;
  uint64_t total;
  int count;
  struct iovec parts[SX_MOST_SEGMENTS];
};

static int transfer_check(struct transfer *out, int32_t file_handle, int32_t vm_handle,
                          const uint32_t *segments, uint32_t count, uint64_t offset) {
  struct file *file = handle_get(HANDLE_FILE, file_handle);
  struct vm *vm = handle_get(HANDLE_VM, vm_handle);
  if (!file || !vm) return fail_with("file transfer", EBADF);
  uint64_t total;
  int result = segments_translate(vm, segments, count, out->parts, &total);
  if (result) return fail_with("file transfer", -result);
  if (offset > INT64_MAX - total) return fail_with("file transfer", EINVAL);
  out->file = file;
  out->offset = offset;
  out->total = total;
  out->count = (int)count;
  return 0;
}

/*
 * Asks for the beginning of a read at once: a page of a file lies in memory, not in a cache, and the
 * processor's own prefetcher begins anew at each page. Into the second-level cache, which takes more
 * lines at a time than the first. A prefetch never faults.
 */
static void prefetch(const unsigned char *from, uint64_t size) {
  for (uint64_t at = 0; at < size && at < PREFETCHED; at += CACHE_LINE) {
    __builtin_prefetch(from + at, 0, 2);
  }
}

/* Whether a read is to be copied from the mapping. */
static bool reads_mapped(const struct transfer *to) {
  const struct file *file = to->file;
  if (!file->map || to->offset > file->map_size || to->total > file->map_size - to->offset) {
    return false;
  }
  if (to->total <= MAPPED_READ) return true;
  uint64_t last = (to->offset + to->total - 1) / CHUNK;
  if (last >= MAPPED_AT_ONCE / CHUNK) return false;
  for (uint64_t chunk = to->offset / CHUNK; chunk <= last; chunk++) {
    if (!file->mapped[chunk]) return false;
  }
  return true;
}

/* Bytes copied from the mapping; fewer than asked when the file was cut short meanwhile. */
static int32_t read_mapped(const struct transfer *to) {
  const unsigned char *from = to->file->map + to->offset;
  uint64_t done = 0;
  prefetch(from, to->total);
  for (int i = 0; i < to->count; i++) {
    size_t left = guarded_copy(to->parts[i].iov_base, from + done, to->parts[i].iov_len);
    done += to->parts[i].iov_len - left;
    if (left) break;
  }
  return (int32_t)done;
}

/* Bytes read by a system call, which knows where the file ends now. */
static int32_t read_exactly(const struct transfer *to) {
  ssize_t moved = preadv(to->file->fd, to->parts, to->count, (off_t)to->offset);
  return moved < 0 ? fail("preadv") : (int32_t)moved;
}

int32_t sx_file_read_segments(int32_t file, int32_t vm, const uint32_t *segments, uint32_t count,
                              uint32_t offset_lo, uint32_t offset_hi) {
  struct transfer to;
  int result = transfer_check(&to, file, vm, segments, count, join(offset_lo, offset_hi));
  if (result) return result;
  return reads_mapped(&to) ? read_mapped(&to) : read_exactly(&to);
}

int32_t sx_file_write_segments(int32_t file, int32_t vm, const uint32_t *segments, uint32_t count,
                               uint32_t offset_lo, uint32_t offset_hi) {
  struct transfer from;
  int result = transfer_check(&from, file, vm, segments, count, join(offset_lo, offset_hi));
  if (result) return result;
  ssize_t moved = pwritev(from.file->fd, from.parts, from.count, (off_t)from.offset);
  return moved < 0 ? fail("pwritev") : (int32_t)moved;
}

int32_t sx_file_read(int32_t file, int32_t vm, uint32_t address_lo, uint32_t address_hi,
                     uint32_t length, uint32_t offset_lo, uint32_t offset_hi) {
  const uint32_t segment[] = {address_lo, address_hi, length};
  struct transfer to;
  int result = transfer_check(&to, file, vm, segment, 1, join(offset_lo, offset_hi));
  return result ? result : read_exactly(&to);
}

int32_t sx_file_write(int32_t file, int32_t vm, uint32_t address_lo, uint32_t address_hi,
                      uint32_t length, uint32_t offset_lo, uint32_t offset_hi) {
  const uint32_t segment[] = {address_lo, address_hi, length};
  return sx_file_write_segments(file, vm, segment, 1, offset_lo, offset_hi);
}

/* For file systems that cannot zero a range themselves. */
static int write_zeros(int fd, uint64_t offset, uint64_t length) {
  static const unsigned char zeros[65536];
  while (length) {
    size_t part = length < sizeof zeros ? length : sizeof zeros;
    ssize_t moved = pwrite(fd, zeros, part, (off_t)offset);
    if (moved < 0) return fail("pwrite");
    offset += (uint64_t)moved;
    length -= (uint64_t)moved;
  }
  return 0;
}

int32_t sx_file_zero(int32_t handle, uint32_t offset_lo, uint32_t offset_hi, uint32_t length,
                     uint32_t punch) {
  struct file *file = handle_get(HANDLE_FILE, handle);
  if (!file) return fail_with("sx_file_zero", EBADF);
  struct stat status;
  if (fstat(file->fd, &status)) return fail("fstat");
  uint64_t offset = join(offset_lo, offset_hi), size = (uint64_t)status.st_size;
  if (offset > size || length > size - offset) return fail_with("sx_file_zero", EINVAL);
  if (length == 0) return 0; /* which fallocate refuses */
  int mode = FALLOC_FL_KEEP_SIZE | (punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
  if (fallocate(file->fd, mode, (off_t)offset, length) == 0) return 0;
  if (punch || errno != EOPNOTSUPP) return fail("fallocate");
  return write_zeros(file->fd, offset, length);
}

int32_t sx_file_flush(int32_t handle) {
  struct file *file = handle_get(HANDLE_FILE, handle);
  if (!file) return fail_with("sx_file_flush", EBADF);
  return fsync(file->fd) ? fail("fsync") : 0;
}

int32_t sx_file_flush_start(int32_t handle) {
  struct file *file = handle_get(HANDLE_FILE, handle);
  if (!file) return fail_with("sx_file_flush_start", EBADF);
  if (!file->flusher) return fail_with("sx_file_flush_start", EROFS);
  flusher_start(file->flusher);
  return 0;
}

int32_t sx_file_flush_poll(int32_t handle, uint32_t ticket) {
  struct file *file = handle_get(HANDLE_FILE, handle);
  if (!file) return fail_with("sx_file_flush_poll", EBADF);
  if (!file->flusher) return fail_with("sx_file_flush_poll", EROFS);
  return flusher_poll(file->flusher, ticket);
}

int32_t sx_file_close(int32_t handle) {
  struct file *file = handle_close(HANDLE_FILE, handle);
  if (!file) return fail_with("sx_file_close", EBADF);
  if (file->flusher) flusher_destroy(file->flusher);
  if (file->map) munmap(file->map, file->map_size);
  close(file->fd);
  free(file);
  return 0;
}
