// Dot products of pairs of bfloat16 with AVX512-BF16.
#pragma once

#include "kernels/simd/avx512.h"

namespace smelt {
namespace {

/// 16 floats, each the sum of products of pairs.
struct Avx512Bf16 : Avx512F32 {
  /// `a` and `b` hold a pair in each lane.
  static SMELT_INLINE Reg fma(Reg a, Reg b, Reg c) {
    return _mm512_dpbf16_ps(c, (__m512bh)_mm512_castps_si512(a), (__m512bh)_mm512_castps_si512(b));
  }
};

/// A pair of neighbouring k as 32 bits. The left side goes through a buffer, which completes the last pair.
struct Avx512LoadPairs {
  using Elem = BFloat16;
  using Staged = BFloat16;
  static constexpr size_t kStep = 2;
  static SMELT_INLINE __m512 splat(const Staged* p) {
    int32_t pair;
    __builtin_memcpy(&pair, p, sizeof pair);
    return _mm512_castsi512_ps(_mm512_set1_epi32(pair));
  }
  static SMELT_INLINE void stage(Staged* to, const Elem* from, size_t count) {
    for (size_t i = 0; i < count; i += 32) {
      const __mmask32 elements = _bzhi_u32(~0u, uint32_t(count - i < 32 ? count - i : 32));
      _mm512_storeu_si512(to + i, _mm512_maskz_loadu_epi16(elements, from + i));
    }
  }
};

/// Packed weights with kr = 2.
struct Avx512WeightPairs {
  struct Elem {
    BFloat16 k[2];
  };
  static SMELT_INLINE __m512 load(const Elem* p) { return _mm512_loadu_ps(reinterpret_cast<const float*>(p)); }
};

}  // namespace
}  // namespace smelt
