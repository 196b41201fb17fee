#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exports.h"
#include "stub.h"

static _Thread_local char text_of_thread[160];

int fail_with(const char *call, int error) {
  char reason[80];
  snprintf(text_of_thread, sizeof text_of_thread, "%s: %s", call,
           strerror_r(error, reason, sizeof reason));
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
  size_t length = strlen(text_of_thread);
  if (length > size) length = size;
  memcpy(text, text_of_thread, length);
  return (int32_t)length;
}
