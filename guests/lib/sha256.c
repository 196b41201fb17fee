/* SHA-256, FIPS 180-4. */
#include "guest.h"

static const u32 initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                               0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

const u32 sha256_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static u32 rotate(u32 value, int bits) {
  return value >> bits | value << (32 - bits);
}

void sha256_fold_portable(u32 state[8], const u8 *blocks, size_t count) {
  for (; count; count--, blocks += 64) {
    u32 w[64];
    for (int i = 0; i < 16; i++) w[i] = __builtin_bswap32(((const u32 *)blocks)[i]);
    for (int i = 16; i < 64; i++) {
      u32 s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
      u32 s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    u32 a = state[0], b = state[1], c = state[2], d = state[3];
    u32 e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
      u32 s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      u32 t1 = h + s1 + ((e & f) ^ (~e & g)) + sha256_constants[i] + w[i];
      u32 s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      u32 t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1;
      d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
  }
}

bool sha256_has_instructions(void) {
  u32 leaf[4];
  cpuid(0, 0, leaf);
  if (leaf[0] < 7) return false;
  cpuid(1, 0, leaf);
  bool sse41 = leaf[2] >> 19 & 1;
  cpuid(7, 0, leaf);
  return sse41 && (leaf[1] >> 29 & 1);
}

static sha256_fold *fold;

void sha256_start(struct sha256 *sha) {
  if (!fold) {
    bool portable = option_has("sha", "portable") || !sha256_has_instructions();
    fold = portable ? sha256_fold_portable : sha256_fold_instructions;
  }
  for (int i = 0; i < 8; i++) sha->state[i] = initial[i];
  sha->bytes = 0;
}

void sha256_add(struct sha256 *sha, const u8 *data, size_t size) {
  size_t held = sha->bytes % 64;
  sha->bytes += size;
  if (held) {
    size_t take = size < 64 - held ? size : 64 - held;
    for (size_t i = 0; i < take; i++) sha->block[held + i] = data[i];
    data += take;
    size -= take;
    if (held + take < 64) return;
    fold(sha->state, sha->block, 1);
  }
  fold(sha->state, data, size / 64);
  data += size / 64 * 64;
  for (size_t i = 0; i < size % 64; i++) sha->block[i] = data[i];
}

void sha256_end(struct sha256 *sha, u8 digest[32]) {
  u64 bits = sha->bytes * 8;
  static const u8 padding[64] = {0x80};
  sha256_add(sha, padding, 64 - (sha->bytes + 8) % 64);
  u8 length[8];
  for (int i = 0; i < 8; i++) length[i] = (u8)(bits >> (56 - 8 * i));
  sha256_add(sha, length, sizeof length);
  for (int i = 0; i < 32; i++) digest[i] = (u8)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}
