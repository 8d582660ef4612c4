// int8 sums on AVX2. There are no dot products of bytes, and vpmaddubsw saturates: bytes are
// widened to words of 16 bits, whose products vpmaddwd adds in pairs, exactly.
#pragma once

#include "kernels/simd/avx2.h"

namespace smelt {
namespace {

struct Avx2Int8 {
  static constexpr Isa kIsa = Isa::kAvx2;
  using Bytes = __m256i;  ///< 8 lanes of two words
  using Int = __m256i;
  using Float = __m256;
  static constexpr size_t kLanes = 8;
  static constexpr int kK = 2;
  static constexpr int kChains = 2;  // only the addition depends on the sum
  static constexpr bool kNarrowTiles = true;
  static constexpr int32_t kLhsOffset = 0;

  static SMELT_INLINE Bytes load_s8(const std::byte* p) {
    return _mm256_cvtepi8_epi16(load_128(p));
  }
  static SMELT_INLINE void load_u4(const std::byte* p, Bytes (&b)[2]) {
    const __m128i packed = load_128(p), mask = _mm_set1_epi8(15), zero = _mm_set1_epi8(8);
    b[0] = _mm256_cvtepi8_epi16(_mm_sub_epi8(_mm_and_si128(packed, mask), zero));
    b[1] = _mm256_cvtepi8_epi16(_mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(packed, 4), mask), zero));
  }
  using Elem = int8_t;
  using Staged = int16_t;
  static SMELT_INLINE void stage(Staged* to, const Elem* from, size_t count) {
    size_t i = 0;
    SMELT_KEEP_LOOP for (; i + 16 <= count; i += 16) put_words(to + i, load_128(from + i));
    put_words(to + i, load_part_128(from + i, count - i));
  }
  static SMELT_INLINE Bytes splat_k(const Staged* p) {
    int32_t word;
    __builtin_memcpy(&word, p, sizeof word);
    return _mm256_set1_epi32(word);
  }
  static SMELT_INLINE Int dot(Int acc, Bytes b, Bytes a) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(b, a));
  }

  /// Lanes of two words for vpmaddwd: 8 neighbouring inputs with their signs, and as many weights
  /// with zeros.
  static SMELT_INLINE Int load_words(const int8_t* in, size_t count) {
    return _mm256_cvtepi8_epi32(count >= kLanes
                                    ? _mm_loadl_epi64(reinterpret_cast<const __m128i*>(in))
                                    : load_part_128(in, count));
  }
  static SMELT_INLINE Int weight_words(const int8_t* w) {
    return _mm256_and_si256(load_words(w, kLanes), _mm256_set1_epi32(0xffff));
  }
  static SMELT_INLINE Int mac_words(Int acc, Int in, Int w) { return dot(acc, w, in); }

  static SMELT_INLINE Int add(Int a, Int b) { return _mm256_add_epi32(a, b); }
  static SMELT_INLINE Int zero_int() { return _mm256_setzero_si256(); }
  static SMELT_INLINE Int load_int(const std::byte* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  /// a - b x factor
  static SMELT_INLINE Int sub_scaled(Int a, Int b, int32_t factor) {
    return _mm256_sub_epi32(a, _mm256_mullo_epi32(b, _mm256_set1_epi32(factor)));
  }
  static SMELT_INLINE Float to_float(Int a) { return _mm256_cvtepi32_ps(a); }
  static SMELT_INLINE Float splat(float x) { return _mm256_set1_ps(x); }
  static SMELT_INLINE Float load_float(const std::byte* p) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(p));
  }
  static SMELT_INLINE Float load_bf16(const std::byte* p) {
    return Avx2Load16<BFloat16>::load(reinterpret_cast<const BFloat16*>(p));
  }
  static SMELT_INLINE Float mul(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static SMELT_INLINE Float fma(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }

  /// zero + round_half_even(clamp(x)), for the first `count` elements of kVecs vectors.
  template <int kVecs>
  static SMELT_INLINE void store_s8(int8_t* o, const Float (&x)[kVecs], const OutputStage& s,
                                    size_t count) {
    SMELT_UNROLL for (int i = 0; i < kVecs; ++i) {
      const __m256 clamped =
          _mm256_min_ps(_mm256_max_ps(x[i], _mm256_set1_ps(s.min)), _mm256_set1_ps(s.max));
      const __m256i v = _mm256_add_epi32(_mm256_cvtps_epi32(clamped), _mm256_set1_epi32(s.zero));
      const __m128i words =
          _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
      const int64_t bytes = _mm_cvtsi128_si64(_mm_packs_epi16(words, words));
      const size_t at = size_t(i) * kLanes;
      if (count >= at + kLanes) {
        __builtin_memcpy(o + at, &bytes, sizeof bytes);
      } else {
        SMELT_KEEP_LOOP for (size_t b = at; b < count; ++b) o[b] = int8_t(bytes >> (b - at) * 8);
      }
    }
  }

 private:
  static SMELT_INLINE __m128i load_128(const void* p) {
    return _mm_loadu_si128(static_cast<const __m128i*>(p));
  }
  static SMELT_INLINE void put_words(Staged* to, __m128i bytes) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_cvtepi8_epi16(bytes));
  }
};

}  // namespace
}  // namespace smelt
