// AVX2 (with FMA and F16C) vectors of 8 lanes: what the GEMM and depthwise templates ask for.
#pragma once

#include <immintrin.h>

#include "base/float16.h"
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

/// All ones in the first `count` of 8 lanes of 32 bits.
SMELT_INLINE __m256i lane_mask(size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

SMELT_INLINE uint8_t unsigned_bits(int8_t v) { return uint8_t(v); }
SMELT_INLINE uint16_t unsigned_bits(uint16_t v) { return v; }

/// The first `count` elements, at most all but one, then zeros. AVX2 has no masks for elements of less than 32 bits.
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
};

// ---- elements of the left side and of packed weights ------------------------------------------------------------------

struct Avx2LoadF32 {
  using Elem = float;
  static SMELT_INLINE __m256 splat(const Elem* p) { return _mm256_set1_ps(*p); }
  static SMELT_INLINE __m256 load(const Elem* p) { return _mm256_loadu_ps(p); }
  // Not a masked load: one that touches an unmapped page takes an assist of hundreds of cycles, and faults under qemu.
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
  static SMELT_INLINE __m256 load(const Elem* p) { return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), T{}); }
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

// ---- epilogues: clamp, convert, store up to 8 floats; NaN stays NaN ------------------------------------------------------

struct Avx2Bounds {
  __m256 min, max;
  // The second operand of min and max is what comes out if either is NaN.
  SMELT_INLINE __m256 clamp(__m256 r) const { return _mm256_min_ps(max, _mm256_max_ps(min, r)); }
};

template <class T>
struct Avx2Store {
  using Elem = T;
  static SMELT_INLINE Avx2Bounds bounds(const OutputStage& s) {
    return {_mm256_set1_ps(s.min), _mm256_set1_ps(s.max)};
  }
  static SMELT_INLINE void store(Elem* o, __m256 r, const Avx2Bounds& b, size_t count) {
    r = b.clamp(r);
    if constexpr (sizeof(T) == 4) {
      if (count >= 8) return _mm256_storeu_ps(o, r);
      _mm256_maskstore_ps(o, lane_mask(count), r);
    } else {
      const __m128i bits = to_16_bits(r, T{});
      if (count >= 8) return _mm_storeu_si128(reinterpret_cast<__m128i*>(o), bits);
      alignas(16) uint16_t all[8];
      _mm_store_si128(reinterpret_cast<__m128i*>(all), bits);
      for (size_t i = 0; i < count; ++i) o[i].bits = all[i];
    }
  }

 private:
  static SMELT_INLINE __m128i to_16_bits(__m256 r, Half) {
    return _mm256_cvtps_ph(r, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static SMELT_INLINE __m128i to_16_bits(__m256 r, BFloat16) {
    const __m256i u = _mm256_castps_si256(r);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet = _mm256_or_si256(u, _mm256_set1_epi32(0x400000));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(r, r, _CMP_UNORD_Q));
    const __m256i high = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
  }
};

}  // namespace
}  // namespace smelt
