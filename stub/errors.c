#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exports.h"
#include "stub.h"

/* The thread's last failure. Its text is made when somebody asks: most, such as EAGAIN, are no news. */
static _Thread_local struct {
  const char *call;
  int error;
} last;

int fail_with(const char *call, int error) {
  last.call = call;
  last.error = error;
  return -error;
}

int fail(const char *call) {
  return fail_with(call, errno);
}

int32_t sx_abi_version(void) {
  return SX_ABI_VERSION;
}

int32_t sx_error_text(uint8_t *text, uint32_t size) {
  if (!text || !size) return fail_with("sx_error_text", EINVAL);
  if (!last.call) return 0;
  char reason[80], whole[160];
  int length = snprintf(whole, sizeof whole, "%s: %s", last.call,
                        strerror_r(last.error, reason, sizeof reason));
  if (length >= (int)sizeof whole) length = sizeof whole - 1;
  if ((uint32_t)length > size) length = (int)size;
  memcpy(text, whole, (size_t)length);
  return length;
}
