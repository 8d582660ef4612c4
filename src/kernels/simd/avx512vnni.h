// Dot products of int8 with AVX-512 VNNI, which multiplies unsigned by signed: 128 is added to the
// left side.
#pragma once

#include "kernels/simd/avx512_int8.h"

namespace smelt {
namespace {

struct Avx512Vnni : Avx512Sums {
  static constexpr Isa kIsa = Isa::kAvx512Vnni;
  using Bytes = __m512i;
  static constexpr int kK = 4;
  static constexpr int kChains = 8;
  static constexpr bool kNarrowTiles = true;
  static constexpr int32_t kLhsOffset = 128;

  static SMELT_INLINE Bytes load_s8(const std::byte* p) { return _mm512_loadu_si512(p); }
  /// Signed nibbles in the upper halves of bytes are the weights times 16, without a subtraction
  /// for each.
  static constexpr int kU4Shift = 4;
  static constexpr size_t kU4MaxK = size_t(1) << 16;  ///< x 255 x 16 x 8 fits 32 bits
  static SMELT_INLINE void load_u4(const std::byte* p, Bytes (&b)[2]) {
    const __m512i packed = _mm512_loadu_si512(p), upper = _mm512_set1_epi8(-16);
    b[0] = _mm512_and_si512(_mm512_slli_epi16(packed, 4), upper);
    b[1] = _mm512_and_si512(packed, upper);
  }
  using Elem = int8_t;
  using Staged = uint8_t;
  static SMELT_INLINE void stage(Staged* to, const int8_t* from, size_t count) {
    if (count <= 16) {
      const __m128i v = _mm_maskz_loadu_epi8(lanes_below(count), from);
      return _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                              _mm_xor_si128(v, _mm_set1_epi8(-128)));
    }
    const __m512i offset = _mm512_set1_epi8(-128);
    size_t i = 0;
    SMELT_KEEP_LOOP for (; i + 64 <= count; i += 64)
        _mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(from + i), offset));
    if (i == count) return;
    const __m512i v =
        _mm512_maskz_loadu_epi8(_bzhi_u64(~uint64_t(0), uint32_t(count - i)), from + i);
    _mm512_storeu_si512(to + i, _mm512_xor_si512(v, offset));
  }
  static SMELT_INLINE Bytes splat_k(const Staged* p) {
    int32_t word;
    __builtin_memcpy(&word, p, sizeof word);
    return _mm512_set1_epi32(word);
  }
  static SMELT_INLINE Int dot(Int acc, Bytes b, Bytes a) { return _mm512_dpbusd_epi32(acc, a, b); }
};

}  // namespace
}  // namespace smelt
