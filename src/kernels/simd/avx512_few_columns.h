// AVX-512 for products of few columns: kK neighbouring lanes hold sums of one column, each for its
// own k, and are added up at the end. The left side is loaded kK elements at a time.
#pragma once

#include "kernels/simd/avx512.h"

namespace smelt {
namespace {

/// Every kK-th lane.
template <int kK>
constexpr __mmask16 kFirstLanes = __mmask16(0xffff / ((1u << kK) - 1));

/// As many elements as a vector has columns, each in the first of its lanes; zeros in the others.
template <int kK>
SMELT_INLINE __m512 spread_columns(const float* p) {
  return _mm512_maskz_expandloadu_ps(kFirstLanes<kK>, p);
}

/// The sums of kK neighbouring lanes, side by side.
template <int kK>
SMELT_INLINE __m512 fold_columns(__m512 r) {
  if constexpr (kK == 16) r = _mm512_add_ps(r, _mm512_shuffle_f32x4(r, r, 0b01001110));
  if constexpr (kK >= 8) r = _mm512_add_ps(r, _mm512_shuffle_f32x4(r, r, 0b10110001));
  if constexpr (kK >= 4) r = _mm512_add_ps(r, _mm512_permute_ps(r, 0b01001110));
  r = _mm512_add_ps(r, _mm512_permute_ps(r, 0b10110001));
  if constexpr (kK == 16) return r;
  return _mm512_maskz_compress_ps(kFirstLanes<kK>, r);
}

template <int kK>
struct Avx512FewColumns : Avx512F32 {
  static constexpr size_t kLanes = 16 / kK;
  static SMELT_INLINE Reg load_f32(const float* p) { return spread_columns<kK>(p); }
};

template <int kK>
struct Avx512LoadSteps {
  using Elem = float;
  static constexpr size_t kStep = kK;
  static SMELT_INLINE __m512 splat(const Elem* p) {
    if constexpr (kK == 16) return _mm512_loadu_ps(p);
    if constexpr (kK == 8) return _mm512_broadcast_f32x8(_mm256_loadu_ps(p));
    if constexpr (kK == 4) return _mm512_broadcast_f32x4(_mm_loadu_ps(p));
    return _mm512_castpd_ps(_mm512_broadcastsd_pd(_mm_load_sd(reinterpret_cast<const double*>(p))));
  }
};

/// All kK elements of a column.
template <int kK>
struct Avx512LoadColumns {
  struct Elem {
    float k[kK];
  };
  static SMELT_INLINE __m512 load(const Elem* p) { return _mm512_loadu_ps(p); }
};

template <int kK>
struct Avx512FoldAndStore {
  using Elem = float;
  using Usual = Avx512Store<float>;
  static SMELT_INLINE auto bounds(const OutputStage& s) { return Usual::bounds(s); }
  static SMELT_INLINE void store(Elem* o, __m512 r, const Usual::Bounds& b, size_t count) {
    constexpr size_t kLanes = 16 / kK;
    Usual::store(o, fold_columns<kK>(r), b, count < kLanes ? count : kLanes);
  }
};

}  // namespace
}  // namespace smelt
