#define _GNU_SOURCE
#include <errno.h>
#include <time.h>

#include "exports.h"
#include "stub.h"

#define LONGEST_WINDOW_MS 1000

double sx_tsc(void) {
  return (double)tsc();
}

int32_t sx_clock_realtime(uint32_t *words, uint32_t size) {
  if (!words || size < 8) return fail_with("sx_clock_realtime", EINVAL);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  words[0] = (uint32_t)ns;
  words[1] = (uint32_t)(ns >> 32);
  return 0;
}

uint64_t clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double sx_tsc_khz(uint32_t milliseconds) {
  if (milliseconds == 0 || milliseconds > LONGEST_WINDOW_MS) {
    return fail_with("sx_tsc_khz", EINVAL);
  }
  uint64_t span = (uint64_t)milliseconds * 1000000u;
  uint64_t start_ns = clock_ns(), start = tsc(), now_ns;
  do now_ns = clock_ns();
  while (now_ns - start_ns < span);
  return (double)(tsc() - start) * 1e6 / (double)(now_ns - start_ns);
}
