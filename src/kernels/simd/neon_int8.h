// int8 sums on Advanced SIMD: what gemm/int8_sums.inl asks for, in 8 lanes; and products without
// dot product instructions: bytes are widened to 16 bits, and SMLAL multiplies by an element and
// adds.
#pragma once

#include "kernels/simd/neon.h"

namespace smelt {
namespace {

/// Signed 4-bit weights, times 16: an instruction each, where shifting down again would take two.
struct NibblePair {
  explicit SMELT_INLINE NibblePair(int8x16_t packed)
      : low(vshlq_n_s8(packed, 4)), high(vandq_s8(packed, vdupq_n_s8(-16))) {}
  int8x16_t low, high;
};

struct NeonSums {
  struct Int {
    int32x4_t lo, hi;
  };
  using Float = Float8;
  using Elem = int8_t;
  static constexpr size_t kLanes = 8;
  static constexpr int kChains = 4;  // of two registers each
  static constexpr int32_t kLhsOffset = 0;

  static SMELT_INLINE int8x16_t load_bytes(const void* p) {
    return vld1q_s8(static_cast<const int8_t*>(p));
  }

  /// Depthwise taps: 8 neighbouring elements in words of 16 bits, zeros beyond the first `count`.
  static SMELT_INLINE int16x8_t load_words(const int8_t* in, size_t count) {
    return vmovl_s8(count >= kLanes ? vld1_s8(in) : vcreate_s8(part_word(in, 0, count)));
  }
  static SMELT_INLINE int16x8_t weight_words(const int8_t* w) { return vmovl_s8(vld1_s8(w)); }
  static SMELT_INLINE Int mac_words(Int acc, int16x8_t x, int16x8_t w) {
    return {vmlal_s16(acc.lo, vget_low_s16(x), vget_low_s16(w)), vmlal_high_s16(acc.hi, x, w)};
  }

  static SMELT_INLINE Int add(Int a, Int b) {
    return {vaddq_s32(a.lo, b.lo), vaddq_s32(a.hi, b.hi)};
  }
  static SMELT_INLINE Int zero_int() { return {vdupq_n_s32(0), vdupq_n_s32(0)}; }
  static SMELT_INLINE Int load_int(const std::byte* p) {
    const auto* v = reinterpret_cast<const int32_t*>(p);
    return {vld1q_s32(v), vld1q_s32(v + 4)};
  }
  /// a - b x factor
  static SMELT_INLINE Int sub_scaled(Int a, Int b, int32_t factor) {
    const int32x4_t f = vdupq_n_s32(factor);
    return {vmlsq_s32(a.lo, b.lo, f), vmlsq_s32(a.hi, b.hi, f)};
  }
  static SMELT_INLINE Float to_float(Int a) { return {vcvtq_f32_s32(a.lo), vcvtq_f32_s32(a.hi)}; }
  static SMELT_INLINE Float splat(float x) { return NeonF32::splat(x); }
  static SMELT_INLINE Float load_float(const std::byte* p) {
    return NeonF32::load_f32(reinterpret_cast<const float*>(p));
  }
  static SMELT_INLINE Float load_bf16(const std::byte* p) {
    return NeonLoad16<BFloat16>::load(reinterpret_cast<const BFloat16*>(p));
  }
  static SMELT_INLINE Float mul(Float a, Float b) {
    return {vmulq_f32(a.lo, b.lo), vmulq_f32(a.hi, b.hi)};
  }
  static SMELT_INLINE Float fma(Float a, Float b, Float c) { return NeonF32::fma(a, b, c); }

  /// zero + round_half_even(clamp(x)), for the first `count` elements of kVecs vectors. Conversions
  /// and narrowing saturate; the bounds, whole numbers, are applied to bytes.
  template <int kVecs>
  static SMELT_INLINE void store_s8(int8_t* o, const Float (&x)[kVecs], const OutputStage& s,
                                    size_t count) {
    const int16x8_t zero = vdupq_n_s16(int16_t(s.zero));
    const int8x8_t min = vdup_n_s8(int8_t(int32_t(s.min) + s.zero));
    const int8x8_t max = vdup_n_s8(int8_t(int32_t(s.max) + s.zero));
    SMELT_UNROLL for (int i = 0; i < kVecs; ++i) {
      const int16x4_t low = vqmovn_s32(vcvtnq_s32_f32(x[i].lo));
      const int16x8_t words = vqaddq_s16(vqmovn_high_s32(low, vcvtnq_s32_f32(x[i].hi)), zero);
      const int8x8_t bytes = vmin_s8(vmax_s8(vqmovn_s16(words), min), max);
      const size_t at = size_t(i) * kLanes;
      if (count >= at + kLanes) [[likely]] {
        vst1_s8(o + at, bytes);
      } else {
        uint64_t rest = vget_lane_u64(vreinterpret_u64_s8(bytes), 0);
        SMELT_KEEP_LOOP for (size_t b = at; b < count; ++b, rest >>= 8) o[b] = int8_t(rest);
      }
    }
  }
};

struct NeonInt8 : NeonSums {
  using Bytes = int16x8_t;  ///< one k of 8 columns, widened
  using Words = int16x8_t;  ///< 8 k of one row
  static constexpr Isa kIsa = Isa::kNeon;
  static constexpr int kK = 1;
  static constexpr size_t kWordsAtOnce = 8;

  static SMELT_INLINE Bytes load_s8(const std::byte* p) {
    return vmovl_s8(vld1_s8(reinterpret_cast<const int8_t*>(p)));
  }
  static SMELT_INLINE void load_u4(const std::byte* p, Bytes (&b)[2]) {
    const int8x8_t packed = vld1_s8(reinterpret_cast<const int8_t*>(p));
    const NibblePair n(vcombine_s8(packed, packed));
    b[0] = vmovl_s8(vget_low_s8(n.low));
    b[1] = vmovl_s8(vget_low_s8(n.high));
  }
  static SMELT_INLINE Words load_words(const Elem* p) { return vmovl_s8(vld1_s8(p)); }
  static SMELT_INLINE Words splat_k(const Elem* p) { return vdupq_n_s16(*p); }
  static SMELT_INLINE Int dot(Int acc, Bytes b, Words a) { return mac_words(acc, b, a); }
  template <int kLane>
  static SMELT_INLINE Int dot_lane(Int acc, Bytes b, Words a) {
    return {vmlal_laneq_s16(acc.lo, vget_low_s16(b), a, kLane),
            vmlal_high_laneq_s16(acc.hi, b, a, kLane)};
  }
};

/// V for weights that are 16 times as large. The conversion to float divides, exactly.
template <class V>
struct Sixteenths : V {
  using typename V::Float;
  using typename V::Int;
  static SMELT_INLINE Int sub_scaled(Int a, Int b, int32_t factor) {
    return V::sub_scaled(a, b, 16 * factor);
  }
  static SMELT_INLINE Float to_float(Int a) {
    return {vcvtq_n_f32_s32(a.lo, 4), vcvtq_n_f32_s32(a.hi, 4)};
  }
  /// total + sum x scale
  static SMELT_INLINE float32x4_t add_scaled(float32x4_t total, int32x4_t sum, float32x4_t scale) {
    return vfmaq_f32(total, vcvtq_n_f32_s32(sum, 4), scale);
  }
};

/// Elements that such sums may have: 255 x 8 x 16 times as many fit int32.
inline constexpr size_t kMaxSixteenths = 65536;

}  // namespace
}  // namespace smelt
