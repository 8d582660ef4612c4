// Dot products of int8: SDOT by element.
#pragma once

#include "kernels/simd/neon_int8.h"

namespace smelt {
namespace {

struct NeonDot : NeonSums {
  /// Four k of 8 columns.
  struct Bytes {
    int8x16_t lo, hi;
  };
  using Words = int8x16_t;  ///< four times four k of one row
  static constexpr Isa kIsa = Isa::kNeonDot;
  static constexpr int kK = 4;
  static constexpr size_t kWordsAtOnce = 4;

  static SMELT_INLINE Bytes load_s8(const std::byte* p) {
    return {load_bytes(p), load_bytes(p + 16)};
  }
  static SMELT_INLINE void load_u4(const std::byte* p, Bytes (&b)[2]) {
    const Bytes packed = load_s8(p);
    const NibblePair lo(packed.lo), hi(packed.hi);
    b[0] = {lo.low, hi.low};
    b[1] = {lo.high, hi.high};
  }
  static SMELT_INLINE Words load_words(const Elem* p) { return load_bytes(p); }
  static SMELT_INLINE Words splat_k(const Elem* p) {
    int32_t word;
    __builtin_memcpy(&word, p, sizeof word);
    return vreinterpretq_s8_s32(vdupq_n_s32(word));
  }
  static SMELT_INLINE Int dot(Int acc, Bytes b, Words a) {
    return {vdotq_s32(acc.lo, b.lo, a), vdotq_s32(acc.hi, b.hi, a)};
  }
  template <int kLane>
  static SMELT_INLINE Int dot_lane(Int acc, Bytes b, Words a) {
    return {vdotq_laneq_s32(acc.lo, b.lo, a, kLane), vdotq_laneq_s32(acc.hi, b.hi, a, kLane)};
  }
};

}  // namespace
}  // namespace smelt
