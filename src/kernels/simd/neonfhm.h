// Products of binary16 added to float32: FMLAL takes the lower four pairs of a register, FMLAL2 the
// upper.
#pragma once

#include "kernels/simd/neon.h"

namespace smelt {
namespace {

struct NeonFmlal : NeonF32 {
  static SMELT_INLINE Reg fma(float16x8_t a, float16x8_t b, Reg c) {
    return {vfmlalq_low_f16(c.lo, a, b), vfmlalq_high_f16(c.hi, a, b)};
  }
  template <int kLane>
  static SMELT_INLINE Reg fma_lane(float16x8_t a, float16x8_t b, Reg c) {
    return {vfmlalq_laneq_low_f16(c.lo, b, a, kLane), vfmlalq_laneq_high_f16(c.hi, b, a, kLane)};
  }
};

/// binary16 as it is: 8 columns, or 8 steps of a row.
struct NeonHalves {
  using Elem = Half;
  static constexpr size_t kAtOnce = 8;
  static SMELT_INLINE float16x8_t load(const Elem* p) {
    return vreinterpretq_f16_u16(vld1q_u16(reinterpret_cast<const uint16_t*>(p)));
  }
  static SMELT_INLINE float16x8_t load_part(const Elem* p, size_t count) {
    return vreinterpretq_f16_u64(part_words(p, 0, count));
  }
  static SMELT_INLINE float16x8_t load_steps(const Elem* p) { return load(p); }
  static SMELT_INLINE float16x8_t splat(const Elem* p) {
    return vreinterpretq_f16_u16(vld1q_dup_u16(reinterpret_cast<const uint16_t*>(p)));
  }
};

}  // namespace
}  // namespace smelt
