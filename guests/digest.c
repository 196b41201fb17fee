/*
 * Reads the whole disk through the block service and prints its SHA-256.
 * request=BYTES a request (default 4096), sha=portable to leave the SHA instructions unused.
 */
#include "lib/guest.h"

#define MAX_REQUEST (1 << 20)

static u8 buffer[MAX_REQUEST] __attribute__((aligned(4096)));

static void fail(const char *what, int status) {
  print(what);
  print(" failed with status -");
  print_number((u64)-status);
  print("\n");
  power_off(1);
}

void guest_main(void) {
  u64 request = option_number("request", 4096);
  if (request == 0 || request > MAX_REQUEST) request = 4096;
  struct answer size = call(SX_CALL_BLOCK_SIZE, 0, 0, 0);
  if (size.status) fail("block size", size.status);

  struct sha256 sha;
  sha256_start(&sha);
  histogram_reset();
  u64 started = ticks();
  for (u64 offset = 0; offset < size.value;) {
    u64 asked = ticks();
    struct answer read = block_read(offset, buffer, (u32)request);
    histogram_add(ticks() - asked);
    if (read.status) fail("block read", read.status);
    if (read.value == 0) break; /* the file shrank */
    sha256_add(&sha, buffer, read.value);
    offset += read.value;
  }
  u64 spent = ticks() - started;

  u8 digest[32];
  sha256_end(&sha, digest);
  print_digest(digest);
  print_ticks("digest", sha.bytes, spent);
  histogram_print("request");
}
