/* The same fold by the SHA extensions: SHA256RNDS2, SHA256MSG1 and SHA256MSG2 (SDM volume 2). */
#include <immintrin.h>

#include "guest.h"

extern const u32 sha256_constants[64];

__attribute__((target("sha,sse4.1"))) void sha256_fold_instructions(u32 state[8], const u8 *blocks,
                                                                    size_t count) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  /* The instructions keep the state as (A B E F) and (C D G H), highest word first. */
  __m128i dcba = _mm_loadu_si128((const __m128i *)state);
  __m128i hgfe = _mm_loadu_si128((const __m128i *)(state + 4));
  __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);

  for (; count; count--, blocks += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4]; /* the last 16 words of the message schedule */
    for (int i = 0; i < 4; i++) {
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)blocks + i), swap);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
      const __m128i constants = _mm_load_si128((const __m128i *)sha256_constants + i);
      const __m128i sum = _mm_add_epi32(w[i % 4], constants);
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
      if (i < 12) { /* words 16 + 4i to 19 + 4i take the place of w[i % 4] */
        const __m128i w3 = w[(i + 3) % 4], w2 = w[(i + 2) % 4], w1 = w[(i + 1) % 4];
        const __m128i partial = _mm_add_epi32(_mm_sha256msg1_epu32(w[i % 4], w1),
                                              _mm_alignr_epi8(w3, w2, 4));
        w[i % 4] = _mm_sha256msg2_epu32(partial, w3);
      }
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }

  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}
