// Sums of 2 x 2 outputs in one register, as matrix instructions of Advanced SIMD leave them:
// between these and vectors of 8 columns.
#pragma once

#include "kernels/simd/neon_int8.h"

namespace smelt {
namespace {

struct NeonQuads : NeonSums {
  using FloatQuad = float32x4_t;

  /// Two rows of the same values.
  static SMELT_INLINE void spread(Float8 v, float32x4_t* quad) {
    quad[0] = row_pair<0>(v.lo, v.lo);
    quad[1] = row_pair<1>(v.lo, v.lo);
    quad[2] = row_pair<0>(v.hi, v.hi);
    quad[3] = row_pair<1>(v.hi, v.hi);
  }
  static SMELT_INLINE void spread(Int v, int32x4_t* quad) {
    float32x4_t bits[4];
    spread(Float8{vreinterpretq_f32_s32(v.lo), vreinterpretq_f32_s32(v.hi)}, bits);
    SMELT_UNROLL for (int c = 0; c < 4; ++c) quad[c] = vreinterpretq_s32_f32(bits[c]);
  }

  template <int kRow>
  static SMELT_INLINE Float8 row(const float32x4_t* quad) {
    return {row_pair<kRow>(quad[0], quad[1]), row_pair<kRow>(quad[2], quad[3])};
  }
  template <int kRow>
  static SMELT_INLINE Int row(const int32x4_t* quad) {
    float32x4_t bits[4];
    SMELT_UNROLL for (int c = 0; c < 4; ++c) bits[c] = vreinterpretq_f32_s32(quad[c]);
    const Float8 r = row<kRow>(bits);
    return {vreinterpretq_s32_f32(r.lo), vreinterpretq_s32_f32(r.hi)};
  }

 private:
  /// Half kRow of a, half kRow of b.
  template <int kRow>
  static SMELT_INLINE float32x4_t row_pair(float32x4_t a, float32x4_t b) {
    const float64x2_t x = vreinterpretq_f64_f32(a), y = vreinterpretq_f64_f32(b);
    return vreinterpretq_f32_f64(kRow == 0 ? vzip1q_f64(x, y) : vzip2q_f64(x, y));
  }
};

}  // namespace
}  // namespace smelt
