// AVX2 (with FMA and F16C) vectors of 8 lanes: what the GEMM and depthwise templates ask for.
#pragma once

#include <immintrin.h>

#include "kernels/simd/x86_store.h"

namespace smelt {
namespace {

/// All ones in the first `count` of 8 lanes of 32 bits.
SMELT_INLINE __m256i lane_mask(size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

SMELT_INLINE uint8_t unsigned_bits(int8_t v) { return uint8_t(v); }
SMELT_INLINE uint16_t unsigned_bits(uint16_t v) { return v; }

/// The first `count` elements, at most all but one, then zeros. AVX2 has no masks for elements of
/// less than 32 bits.
template <class T>
SMELT_INLINE __m128i load_part_128(const T* p, size_t count) {
  constexpr size_t kHalf = 8 / sizeof(T);
  const auto half = [&](size_t begin) SMELT_INLINE_LAMBDA {
    uint64_t word = 0;
    SMELT_KEEP_LOOP for (size_t i = count < begin + kHalf ? count : begin + kHalf; i > begin; --i)
        word = word << 8 * sizeof(T) | unsigned_bits(p[i - 1]);
    return int64_t(word);
  };
  return _mm_set_epi64x(half(kHalf), half(0));
}

struct Avx2F32 {
  using Reg = __m256;
  static constexpr size_t kLanes = 8;
  static constexpr int kChains = 8;
  static constexpr bool kNarrowTiles = true;
  static SMELT_INLINE Reg splat(float x) { return _mm256_set1_ps(x); }
  static SMELT_INLINE Reg load_f32(const float* p) { return _mm256_loadu_ps(p); }
  static SMELT_INLINE Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  static SMELT_INLINE Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  static SMELT_INLINE Reg min(Reg a, Reg b) { return _mm256_min_ps(a, b); }
  static SMELT_INLINE Reg max(Reg a, Reg b) { return _mm256_max_ps(a, b); }

  static SMELT_INLINE void put(float* o, Reg r, size_t count) {
    if (count >= 8) return _mm256_storeu_ps(o, r);
    _mm256_maskstore_ps(o, lane_mask(count), r);
  }
  static SMELT_INLINE void put(Half* o, Reg r, size_t count) {
    put_bits(o, _mm256_cvtps_ph(r, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), count);
  }
  static SMELT_INLINE void put(BFloat16* o, Reg r, size_t count) {
    put_bits(o, (__m128i)RoundedBF16<8>::of(r), count);
  }

 private:
  template <class T>
  static SMELT_INLINE void put_bits(T* o, __m128i bits, size_t count) {
    if (count >= 8) return _mm_storeu_si128(reinterpret_cast<__m128i*>(o), bits);
    alignas(16) uint16_t all[8];
    _mm_store_si128(reinterpret_cast<__m128i*>(all), bits);
    for (size_t i = 0; i < count; ++i) o[i].bits = all[i];
  }
};

// ---- elements of the left side and of packed weights

struct Avx2LoadF32 {
  using Elem = float;
  static SMELT_INLINE __m256 splat(const Elem* p) { return _mm256_set1_ps(*p); }
  static SMELT_INLINE __m256 load(const Elem* p) { return _mm256_loadu_ps(p); }
  // Not a masked load: one that touches an unmapped page takes an assist of hundreds of cycles, and
  // faults under qemu.
  static SMELT_INLINE __m256 load_part(const Elem* p, size_t count) {
    if (count < 4) return _mm256_set_m128(_mm_setzero_ps(), load_part_128(p, count));
    return _mm256_set_m128(load_part_128(p + 4, count - 4), _mm_loadu_ps(p));
  }

 private:
  // Up to three elements, then zeros.
  static SMELT_INLINE __m128 load_part_128(const Elem* p, size_t count) {
    return _mm_setr_ps(count > 0 ? p[0] : 0, count > 1 ? p[1] : 0, count > 2 ? p[2] : 0, 0);
  }
};

/// 16-bit floats, widened as they are loaded; the left side is widened into a buffer first.
template <class T>
struct Avx2Load16 {
  using Elem = T;
  using Staged = float;
  static constexpr size_t kStep = 1;
  static SMELT_INLINE __m256 splat(const Staged* p) { return _mm256_set1_ps(*p); }
  static SMELT_INLINE __m256 load(const Elem* p) {
    return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), T{});
  }
  static SMELT_INLINE void stage(Staged* to, const Elem* from, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) _mm256_storeu_ps(to + i, load(from + i));
    if (i < count) _mm256_storeu_ps(to + i, load_part(from + i, count - i));
  }
  static SMELT_INLINE __m256 load_part(const Elem* p, size_t count) {
    return widen(load_part_128(reinterpret_cast<const uint16_t*>(p), count), T{});
  }

 private:
  static SMELT_INLINE __m256 widen(__m128i v, Half) { return _mm256_cvtph_ps(v); }
  static SMELT_INLINE __m256 widen(__m128i v, BFloat16) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
  }
};

template <class T>
using Avx2Store = ClampedStore<Avx2F32, T>;

}  // namespace
}  // namespace smelt
