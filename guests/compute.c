/*
 * Work for a processor alone. ops=WORD,WORD... chooses it: `integer`, a loop of nine instructions;
 * `copy`, memory in pieces of 4 KiB; `sha256`, without the instructions for it; `sieve`. n=COUNT turns,
 * pieces, blocks of 64 bytes, or numbers. Each prints "@ticks".
 */
#include "lib/guest.h"

#define POOL_BYTES (4 << 20)
#define PIECE 4096

static u8 pool[POOL_BYTES] __attribute__((aligned(4096)));

/* A generator of the xorshift family: each turn depends on the one before. */
static void integer(u64 n) {
  u64 state = 88172645463325252, sum = 0, spare;
  __asm__ volatile(
      "1: mov %0, %2\n"
      "shl $13, %2\n"
      "xor %2, %0\n"
      "mov %0, %2\n"
      "shr $7, %2\n"
      "xor %2, %0\n"
      "add %0, %1\n"
      "dec %3\n"
      "jnz 1b"
      : "+r"(state), "+r"(sum), "=&r"(spare), "+r"(n));
}

/* By words: a repeated MOVS would measure the host's memcpy. */
static void copy(u64 n) {
  for (u64 i = 0; i < n; i++) {
    const u64 *from = (const u64 *)(pool + i * PIECE % (POOL_BYTES / 2));
    u64 *to = (u64 *)(pool + POOL_BYTES / 2 + i * PIECE % (POOL_BYTES / 2));
    for (u64 word = 0; word < PIECE / sizeof(u64); word++) {
      __asm__ volatile("" ::: "memory");
      to[word] = from[word];
    }
  }
}

static void sha256(u64 n) {
  struct sha256 sha;
  sha256_start(&sha);
  for (u64 done = 0; done < n;) {
    u64 count = n - done < POOL_BYTES / 64 ? n - done : POOL_BYTES / 64;
    sha256_fold_portable(sha.state, pool, count);
    done += count;
  }
}

/* Odd numbers below n, as often as it takes to look at n of them. */
static void sieve(u64 n) {
  u64 size = n / 2 < POOL_BYTES ? n / 2 : POOL_BYTES;
  memset(pool, 1, size);
  for (u64 i = 1; i < size; i++) {
    if (!pool[i]) continue;
    u64 prime = 2 * i + 1;
    for (u64 at = i + prime; at < size; at += prime) pool[at] = 0;
  }
}

void guest_main(void) {
  static const struct {
    const char *name;
    void (*run)(u64);
  } operations[] = {{"integer", integer}, {"copy", copy}, {"sha256", sha256}, {"sieve", sieve}};
  u64 n = option_number("n", 1000);
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
    if (!option_has("ops", operations[i].name)) continue;
    u64 before = ticks();
    operations[i].run(n);
    print_ticks(operations[i].name, n, ticks() - before);
  }
}
