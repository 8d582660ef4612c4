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
  using Avx512F32::put;
  /// Rounded by the instruction, which takes subnormal floats for zeros as the one that multiplies
  /// does.
  static SMELT_INLINE void put(BFloat16* o, Reg r, size_t count) {
    put_bits(o, (__m256i)_mm512_cvtneps_pbh(r), count);
  }
};

/// A pair of neighbouring k as 32 bits.
struct Avx512LoadPairs {
  using Elem = BFloat16;
  static constexpr size_t kStep = 2;
  static SMELT_INLINE __m512 splat(const Elem* p) {
    int32_t pair;
    __builtin_memcpy(&pair, p, sizeof pair);
    return _mm512_castsi512_ps(_mm512_set1_epi32(pair));
  }
};

/// Packed weights with kr = 2.
struct Avx512WeightPairs {
  struct Elem {
    BFloat16 k[2];
  };
  static SMELT_INLINE __m512 load(const Elem* p) {
    return _mm512_loadu_ps(reinterpret_cast<const float*>(p));
  }
};

}  // namespace
}  // namespace smelt
