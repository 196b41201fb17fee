#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "exports.h"
#include "stub.h"

/* QEMU's stream protocol: before each frame its length in bytes, 32 bits, big-endian. */
#define LENGTH_BYTES 4
#define INPUT_BYTES (1u << 17)
/* On their way to the other end; the host may allow less. A smaller buffer loses more frames. */
#define SOCKET_BYTES (4 << 20)

struct stream {
  int fd;
  bool gone;            /* the other end has closed, or the socket failed */
  uint32_t first, end;  /* what was received and not given out yet */
  uint64_t skip;        /* bytes still to come of a frame that is larger than `input` */
  uint32_t sent, owed;  /* of the frame in `output`; equal when it has gone out whole */
  unsigned char input[INPUT_BYTES];
  unsigned char output[LENGTH_BYTES + SX_STREAM_FRAME_MAX];
};

int32_t sx_stream_connect(const uint8_t *path, uint32_t size) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!path || size < 2 || memchr(path, 0, size) != path + size - 1) {
    return fail_with("sx_stream_connect", EINVAL);
  }
  if (size > sizeof address.sun_path) return fail_with("connect", ENAMETOOLONG);
  memcpy(address.sun_path, path, size);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){SOCKET_BYTES}, sizeof(int));
  int result = connect(fd, (struct sockaddr *)&address, sizeof address) ? fail("connect") : 0;
  struct stream *stream = result == 0 ? calloc(1, sizeof *stream) : NULL;
  if (stream) {
    stream->fd = fd;
    result = handle_open(HANDLE_STREAM, stream);
    if (result > 0) return result;
    fail_with("sx_stream_connect", -result);
    free(stream);
  }
  close(fd);
  return result ? result : fail_with("calloc", ENOMEM);
}

/* A system call on the socket failed: what that means for the stream. */
static int failed(struct stream *stream, const char *call) {
  if (errno != EAGAIN && errno != EINTR) stream->gone = true;
  return stream->gone ? fail_with(call, ENOTCONN) : fail_with(call, EAGAIN);
}

/* Sends the rest of the last frame: 0 when nothing is owed any more. */
static int pay(struct stream *stream) {
  if (stream->gone) return fail_with("send on a stream", ENOTCONN);
  if (stream->sent == stream->owed) return 0;
  ssize_t sent = send(stream->fd, stream->output + stream->sent, stream->owed - stream->sent,
                      MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return failed(stream, "send on a stream");
  stream->sent += (uint32_t)sent;
  return stream->sent == stream->owed ? 0 : fail_with("send on a stream", EAGAIN);
}

/* Keeps what the socket did not take of a frame that has begun: nothing else may come between. */
static void owe(struct stream *stream, const struct iovec *parts, int count, size_t sent) {
  stream->sent = stream->owed = 0;
  for (int i = 0; i < count; i++) {
    size_t skip = sent < parts[i].iov_len ? sent : parts[i].iov_len;
    memcpy(stream->output + stream->owed, (char *)parts[i].iov_base + skip,
           parts[i].iov_len - skip);
    stream->owed += (uint32_t)(parts[i].iov_len - skip);
    sent -= skip;
  }
}

int32_t sx_stream_send(int32_t handle, int32_t vm_handle, const uint32_t *segments,
                       uint32_t count) {
  struct stream *stream = handle_get(HANDLE_STREAM, handle);
  struct vm *vm = handle_get(HANDLE_VM, vm_handle);
  if (!stream || !vm) return fail_with("sx_stream_send", EBADF);
  struct iovec parts[SX_MOST_SEGMENTS + 1];
  uint64_t total;
  int result = segments_translate(vm, segments, count, parts + 1, &total);
  if (result) return fail_with("sx_stream_send", -result);
  if (total > SX_STREAM_FRAME_MAX) return fail_with("sx_stream_send", EMSGSIZE);
  result = pay(stream);
  if (result) return result;
  uint32_t length = htonl((uint32_t)total);
  parts[0] = (struct iovec){&length, LENGTH_BYTES};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = count + 1};
  ssize_t sent = sendmsg(stream->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return failed(stream, "sendmsg on a stream");
  if ((uint64_t)sent < LENGTH_BYTES + total) owe(stream, parts, (int)count + 1, (size_t)sent);
  return (int32_t)total;
}

/* Leaves out what has arrived of a frame that is too large. */
static void skip(struct stream *stream) {
  uint32_t here = stream->end - stream->first;
  uint32_t part = stream->skip < here ? (uint32_t)stream->skip : here;
  stream->first += part;
  stream->skip -= part;
}

/* Bytes of the frame that has arrived whole, its own length before it; 0 when none has. */
static uint64_t arrived(const struct stream *stream) {
  uint32_t here = stream->end - stream->first, length;
  if (here < LENGTH_BYTES) return 0;
  memcpy(&length, stream->input + stream->first, LENGTH_BYTES);
  uint64_t whole = LENGTH_BYTES + (uint64_t)ntohl(length);
  return here >= whole || whole > INPUT_BYTES ? whole : 0;
}

/* Reads as much as there is room for behind the beginning of a frame. */
static int refill(struct stream *stream) {
  if (stream->gone) return fail_with("recv of a stream", ENOTCONN);
  uint32_t here = stream->end - stream->first;
  memmove(stream->input, stream->input + stream->first, here);
  stream->first = 0;
  stream->end = here;
  ssize_t got = recv(stream->fd, stream->input + here, INPUT_BYTES - here, MSG_DONTWAIT);
  if (got < 0) return failed(stream, "recv of a stream");
  stream->gone = got == 0;
  stream->end += (uint32_t)got;
  skip(stream);
  return 0;
}

int32_t sx_stream_receive(int32_t handle, int32_t vm_handle, const uint32_t *segments,
                          uint32_t count) {
  struct stream *stream = handle_get(HANDLE_STREAM, handle);
  struct vm *vm = handle_get(HANDLE_VM, vm_handle);
  if (!stream || !vm) return fail_with("sx_stream_receive", EBADF);
  struct iovec parts[SX_MOST_SEGMENTS];
  uint64_t room;
  int result = segments_translate(vm, segments, count, parts, &room);
  if (result) return fail_with("sx_stream_receive", -result);
  pay(stream); /* a driver that sends no more has nobody else to see its last frame out */
  uint64_t whole = arrived(stream);
  if (!whole) {
    result = refill(stream);
    if (result) return result;
    whole = arrived(stream);
  }
  if (!whole) return fail_with("recv of a stream", stream->gone ? ENOTCONN : EAGAIN);
  const unsigned char *from = stream->input + stream->first + LENGTH_BYTES;
  uint64_t left = whole - LENGTH_BYTES;
  bool fits = left <= room && whole <= INPUT_BYTES;
  for (uint32_t i = 0; fits && left; i++) {
    size_t part = left < parts[i].iov_len ? left : parts[i].iov_len;
    memcpy(parts[i].iov_base, from, part);
    from += part;
    left -= part;
  }
  stream->skip = whole;
  skip(stream);
  return fits ? (int32_t)(whole - LENGTH_BYTES) : fail_with("recv of a stream", EMSGSIZE);
}

int32_t sx_stream_close(int32_t handle) {
  struct stream *stream = handle_close(HANDLE_STREAM, handle);
  if (!stream) return fail_with("sx_stream_close", EBADF);
  close(stream->fd);
  free(stream);
  return 0;
}
