// AVX-512 (F, BW, DQ, VL) vectors of 16 lanes: what the GEMM and depthwise templates ask for.
#pragma once

#include <immintrin.h>

#include "kernels/simd/x86_store.h"

namespace smelt {
namespace {

SMELT_INLINE __mmask16 lanes_below(size_t count) {
  return __mmask16(_bzhi_u32(0xffff, uint32_t(count < 16 ? count : 16)));
}

struct Avx512F32 {
  using Reg = __m512;
  static constexpr size_t kLanes = 16;
  static constexpr int kChains = 8;
  static constexpr bool kNarrowTiles = true;
  static SMELT_INLINE Reg splat(float x) { return _mm512_set1_ps(x); }
  static SMELT_INLINE Reg load_f32(const float* p) { return _mm512_loadu_ps(p); }
  static SMELT_INLINE Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  static SMELT_INLINE Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  static SMELT_INLINE Reg min(Reg a, Reg b) { return _mm512_min_ps(a, b); }
  static SMELT_INLINE Reg max(Reg a, Reg b) { return _mm512_max_ps(a, b); }

  // Stores under a mask are slow on AMD's processors.
  static SMELT_INLINE void put(float* o, Reg r, size_t count) {
    if (count >= 16) return _mm512_storeu_ps(o, r);
    _mm512_mask_storeu_ps(o, lanes_below(count), r);
  }
  static SMELT_INLINE void put(Half* o, Reg r, size_t count) {
    put_bits(o, _mm512_cvtps_ph(r, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), count);
  }
  static SMELT_INLINE void put(BFloat16* o, Reg r, size_t count) {
    put_bits(o, (__m256i)RoundedBF16<16>::of(r), count);
  }

 protected:
  static SMELT_INLINE void put_bits(void* o, __m256i bits, size_t count) {
    if (count >= 16) return _mm256_storeu_si256(static_cast<__m256i*>(o), bits);
    _mm256_mask_storeu_epi16(o, lanes_below(count), bits);
  }
};

// ---- elements of the left side and of packed weights

struct Avx512LoadF32 {
  using Elem = float;
  static constexpr bool kMasks = true;  ///< load_part() costs no more than load()
  static SMELT_INLINE __m512 splat(const Elem* p) { return _mm512_set1_ps(*p); }
  static SMELT_INLINE __m512 load(const Elem* p) { return _mm512_loadu_ps(p); }
  static SMELT_INLINE __m512 load_part(const Elem* p, size_t count) {
    return _mm512_maskz_loadu_ps(lanes_below(count), p);
  }
};

/// binary16 in vectors of 8 lanes, converted as it is loaded, the left side into a buffer first.
/// Not 16 lanes, because AMD's processors convert those in more time than two times 8.
struct Avx512LoadF16 {
  using Elem = Half;
  static constexpr bool kMasks = true;
  using Staged = float;
  static constexpr size_t kStep = 1;
  static SMELT_INLINE __m256 splat(const Staged* p) { return _mm256_set1_ps(*p); }
  static SMELT_INLINE __m256 load(const Elem* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static SMELT_INLINE __m256 load_part(const Elem* p, size_t count) {
    return _mm256_cvtph_ps(
        _mm_maskz_loadu_epi16(__mmask8(_bzhi_u32(0xff, uint32_t(count < 8 ? count : 8))), p));
  }
  static SMELT_INLINE void stage(Staged* to, const Elem* from, size_t count) {
    size_t i = 0;
    for (; i + 32 <= count; i += 32)
      SMELT_UNROLL for (size_t j = 0; j < 32; j += 8)
          _mm256_storeu_ps(to + i + j, load(from + i + j));
    SMELT_KEEP_LOOP for (; i + 8 <= count; i += 8) _mm256_storeu_ps(to + i, load(from + i));
    if (i < count) _mm256_storeu_ps(to + i, load_part(from + i, count - i));
  }
};

/// bfloat16, widened as it is loaded; the left side is widened into a buffer first.
struct Avx512LoadBF16 {
  using Elem = BFloat16;
  using Staged = float;
  static constexpr size_t kStep = 1;
  static SMELT_INLINE __m512 splat(const Staged* p) { return _mm512_set1_ps(*p); }
  static SMELT_INLINE __m512 load(const Elem* p) {
    return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static SMELT_INLINE void stage(Staged* to, const Elem* from, size_t count) {
    for (size_t i = 0; i < count; i += 16)
      _mm512_storeu_ps(to + i, widen(_mm256_maskz_loadu_epi16(lanes_below(count - i), from + i)));
  }

 private:
  static SMELT_INLINE __m512 widen(__m256i v) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
  }
};

template <class T>
using Avx512Store = ClampedStore<Avx512F32, T>;

}  // namespace
}  // namespace smelt
