// int8 sums on AVX-512: what gemm/int8_sums.inl asks for, in 16 lanes.
#pragma once

#include "kernels/simd/avx512.h"

namespace smelt {
namespace {

struct Avx512Sums {
  using Int = __m512i;
  using Float = __m512;
  static constexpr size_t kLanes = 16;
  static constexpr bool kMasks = true;

  /// Lanes of two words for vpmaddwd: 16 neighbouring inputs with their signs, and as many weights
  /// with zeros.
  static SMELT_INLINE Int load_words(const int8_t* in, size_t count) {
    return _mm512_cvtepi8_epi32(count >= kLanes
                                    ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(in))
                                    : _mm_maskz_loadu_epi8(lanes_below(count), in));
  }
  static SMELT_INLINE Int weight_words(const int8_t* w) {
    return _mm512_and_si512(load_words(w, kLanes), _mm512_set1_epi32(0xffff));
  }
  static SMELT_INLINE Int mac_words(Int acc, Int in, Int w) {
    return add(acc, _mm512_madd_epi16(in, w));
  }

  static SMELT_INLINE Int add(Int a, Int b) { return _mm512_add_epi32(a, b); }
  static SMELT_INLINE Int zero_int() { return _mm512_setzero_si512(); }
  static SMELT_INLINE Int load_int(const std::byte* p) { return _mm512_loadu_si512(p); }
  /// a - b x factor
  static SMELT_INLINE Int sub_scaled(Int a, Int b, int32_t factor) {
    return _mm512_sub_epi32(a, _mm512_mullo_epi32(b, _mm512_set1_epi32(factor)));
  }
  static SMELT_INLINE Float to_float(Int a) { return _mm512_cvtepi32_ps(a); }
  static SMELT_INLINE Float splat(float x) { return _mm512_set1_ps(x); }
  static SMELT_INLINE Float load_float(const std::byte* p) {
    return _mm512_loadu_ps(reinterpret_cast<const float*>(p));
  }
  static SMELT_INLINE Float load_bf16(const std::byte* p) {
    return Avx512LoadBF16::load(reinterpret_cast<const BFloat16*>(p));
  }
  static SMELT_INLINE Float mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static SMELT_INLINE Float fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }

  /// zero + round_half_even(clamp(x)), for the first `count` elements of kVecs vectors. From above,
  /// x is clamped before the conversion, which makes INT32_MIN of what is too large; from below, by
  /// saturation, and then among bytes.
  template <int kVecs>
  static SMELT_INLINE void store_s8(int8_t* o, const Float (&x)[kVecs], const OutputStage& s,
                                    size_t count) {
    static_assert(kVecs == 1 || kVecs == 2 || kVecs == 4);
    const __m512 max = _mm512_set1_ps(s.max);
    const __m512i zero = _mm512_set1_epi16(int16_t(s.zero)),
                  min = _mm512_set1_epi8(int8_t(int32_t(s.min) + s.zero));
    __m512i v[4];
    SMELT_UNROLL for (int i = 0; i < 4; ++i) v[i] =
        i < kVecs ? _mm512_cvtps_epi32(_mm512_min_ps(x[i < kVecs ? i : 0], max)) : v[0];
    // Each 128-bit lane gets its quarter of every vector.
    const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(v[0], v[1]), zero);
    const __m512i high = kVecs < 4 ? low : _mm512_adds_epi16(_mm512_packs_epi32(v[2], v[3]), zero);
    const __m512i bytes = _mm512_max_epi8(_mm512_packs_epi16(low, high), min);
    const __m512i in_order = _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), bytes);
    if constexpr (kVecs == 4) {
      // Stores of small elements under a mask are slow on AMD's processors.
      if (count >= 64) return _mm512_storeu_si512(o, in_order);
      _mm512_mask_storeu_epi8(o, _bzhi_u64(~uint64_t(0), uint32_t(count < 64 ? count : 64)),
                              in_order);
    } else if constexpr (kVecs == 2) {
      if (count >= 32)
        return _mm256_storeu_si256(reinterpret_cast<__m256i*>(o), _mm512_castsi512_si256(in_order));
      _mm256_mask_storeu_epi8(o, _bzhi_u32(~0u, uint32_t(count < 32 ? count : 32)),
                              _mm512_castsi512_si256(in_order));
    } else {
      if (count >= 16)
        return _mm_storeu_si128(reinterpret_cast<__m128i*>(o), _mm512_castsi512_si128(in_order));
      _mm_mask_storeu_epi8(o, lanes_below(count), _mm512_castsi512_si128(in_order));
    }
  }
};

}  // namespace
}  // namespace smelt
