// Armv8.0 Advanced SIMD: what the GEMM and depthwise templates ask for, in vectors of 8 lanes.
// Those are two registers, because instructions that widen 16-bit elements make two registers of
// one, and because loads and stores move pairs.
#pragma once

#include <arm_neon.h>

#include "base/float16.h"
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

struct Float8 {
  float32x4_t lo, hi;
};

/// Elements [begin, count) of those that fit 8 bytes, then zeros.
template <class T>
SMELT_INLINE uint64_t part_word(const T* p, size_t begin, size_t count) {
  constexpr size_t kFit = 8 / sizeof(T);
  uint64_t word = 0;
  SMELT_KEEP_LOOP for (size_t i = count < begin + kFit ? count : begin + kFit; i > begin; --i) {
    uint64_t bits = 0;
    __builtin_memcpy(&bits, p + i - 1, sizeof(T));
    word = word << 8 * sizeof(T) | bits;
  }
  return word;
}
template <class T>
SMELT_INLINE uint64x2_t part_words(const T* p, size_t begin, size_t count) {
  const size_t half = begin + 8 / sizeof(T);
  return vcombine_u64(vcreate_u64(part_word(p, begin, count)),
                      vcreate_u64(part_word(p, half, count)));
}

struct NeonF32 {
  using Reg = Float8;
  static constexpr size_t kLanes = 8;
  static constexpr int kChains = 4;  // of two registers each
  /// 16 registers of sums, 6 of weights: see dwconv/tap_loop.inl.
  static constexpr int kSlidePixels = 8;
  static SMELT_INLINE Reg splat(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
  static SMELT_INLINE Reg load_f32(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4)}; }
  static SMELT_INLINE Reg add(Reg a, Reg b) {
    return {vaddq_f32(a.lo, b.lo), vaddq_f32(a.hi, b.hi)};
  }
  static SMELT_INLINE Reg fma(float32x4_t a, Reg b, Reg c) { return fma(Reg{a, a}, b, c); }
  static SMELT_INLINE Reg fma(Reg a, Reg b, Reg c) {
    return {vfmaq_f32(c.lo, a.lo, b.lo), vfmaq_f32(c.hi, a.hi, b.hi)};
  }
  template <int kLane>
  static SMELT_INLINE Reg fma_lane(float32x4_t a, Reg b, Reg c) {
    return {vfmaq_laneq_f32(c.lo, b.lo, a, kLane), vfmaq_laneq_f32(c.hi, b.hi, a, kLane)};
  }
};

// ---- elements of the left side and of packed weights
// ---------------------------------------------

struct NeonLoadF32 {
  using Elem = float;
  static constexpr size_t kAtOnce = 4;
  static SMELT_INLINE float32x4_t load_steps(const Elem* p) { return vld1q_f32(p); }
  static SMELT_INLINE float32x4_t splat(const Elem* p) { return vld1q_dup_f32(p); }
  static SMELT_INLINE Float8 load(const Elem* p) { return NeonF32::load_f32(p); }
  static SMELT_INLINE Float8 load_part(const Elem* p, size_t count) {
    return {vreinterpretq_f32_u64(part_words(p, 0, count)),
            vreinterpretq_f32_u64(part_words(p, 4, count))};
  }
};

/// 16-bit floats, widened as they are loaded.
template <class T>
struct NeonLoad16 {
  using Elem = T;
  static constexpr size_t kAtOnce = 4;
  static SMELT_INLINE float32x4_t load_steps(const Elem* p) {
    return widen(vld1_u16(bits(p)), T{});
  }
  static SMELT_INLINE float32x4_t splat(const Elem* p) { return widen(vld1_dup_u16(bits(p)), T{}); }
  static SMELT_INLINE Float8 load(const Elem* p) { return widen(vld1q_u16(bits(p))); }
  static SMELT_INLINE Float8 load_part(const Elem* p, size_t count) {
    return widen(vreinterpretq_u16_u64(part_words(p, 0, count)));
  }

 private:
  static SMELT_INLINE Float8 widen(uint16x8_t v) {
    return {widen(vget_low_u16(v), T{}), widen_high(v, T{})};
  }
  static SMELT_INLINE const uint16_t* bits(const Elem* p) {
    return reinterpret_cast<const uint16_t*>(p);
  }
  static SMELT_INLINE float32x4_t widen(uint16x4_t v, Half) {
    return vcvt_f32_f16(vreinterpret_f16_u16(v));
  }
  static SMELT_INLINE float32x4_t widen_high(uint16x8_t v, Half) {
    return vcvt_high_f32_f16(vreinterpretq_f16_u16(v));
  }
  static SMELT_INLINE float32x4_t widen(uint16x4_t v, BFloat16) {
    return vreinterpretq_f32_u32(vshll_n_u16(v, 16));
  }
  static SMELT_INLINE float32x4_t widen_high(uint16x8_t v, BFloat16) {
    return vreinterpretq_f32_u32(vshll_high_n_u16(v, 16));
  }
};

// ---- epilogues: clamp, convert, store up to 8 floats; NaN stays NaN
// ---------------------------------

struct NeonBounds {
  float32x4_t min, max;
  SMELT_INLINE float32x4_t clamp(float32x4_t r) const { return vminq_f32(max, vmaxq_f32(min, r)); }
};

#if defined(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC)
/// Rounding is monotonic: clamping what is rounded, to rounded bounds, gives the same.
struct NeonHalfBounds {
  float16x8_t min, max;
  SMELT_INLINE float16x8_t clamp(float16x8_t r) const { return vminq_f16(max, vmaxq_f16(min, r)); }
};
#endif

template <class T>
struct NeonStore {
  using Elem = T;
  static SMELT_INLINE auto bounds(const OutputStage& s) {
    const NeonBounds floats{vdupq_n_f32(s.min), vdupq_n_f32(s.max)};
#if defined(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC)
    if constexpr (__is_same(T, Half))
      return NeonHalfBounds{vreinterpretq_f16_u16(to_16_bits({floats.min, floats.min}, T{})),
                            vreinterpretq_f16_u16(to_16_bits({floats.max, floats.max}, T{}))};
    else
#endif
      return floats;
  }
  static SMELT_INLINE uint16x8_t to_16_bits(Float8 r, Half) {
    return vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(r.lo), r.hi));
  }
  static SMELT_INLINE uint16x8_t to_16_bits(Float8 r, BFloat16) {
#if defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
    return vreinterpretq_u16_bf16(vcvtq_high_bf16_f32(vcvtq_low_bf16_f32(r.lo), r.hi));
#else
    return vuzp2q_u16(vreinterpretq_u16_u32(rounded(r.lo)), vreinterpretq_u16_u32(rounded(r.hi)));
#endif
  }
  template <class Bounds>
  static SMELT_INLINE void store(Elem* o, Float8 r, const Bounds& b, size_t count) {
    if constexpr (sizeof(T) == 4) {
      r = {b.clamp(r.lo), b.clamp(r.hi)};
      if (count < 8) [[unlikely]]
        return store_part(o, r, count);
      vst1q_f32(o, r.lo);
      vst1q_f32(o + 4, r.hi);
    } else {
      const uint16x8_t v = clamped(r, b);
      auto* bits = reinterpret_cast<uint16_t*>(o);
      if (count < 8) [[unlikely]]
        return store_part(bits, v, count);
      vst1q_u16(bits, v);
    }
  }

 private:
  static SMELT_INLINE uint16x8_t clamped(Float8 r, const NeonBounds& b) {
    return to_16_bits({b.clamp(r.lo), b.clamp(r.hi)}, T{});
  }
#if defined(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC)
  static SMELT_INLINE uint16x8_t clamped(Float8 r, const NeonHalfBounds& b) {
    return vreinterpretq_u16_f16(b.clamp(vreinterpretq_f16_u16(to_16_bits(r, T{}))));
  }
#endif
  // By halves: a loop would become a call, and put every accumulator on the stack.
  static SMELT_INLINE void store_part(float* o, Float8 r, size_t count) {
    if ((count & 4) != 0) {
      vst1q_f32(o, r.lo);
      o += 4;
      r.lo = r.hi;
    }
    float32x2_t v = vget_low_f32(r.lo);
    if ((count & 2) != 0) {
      vst1_f32(o, v);
      o += 2;
      v = vget_high_f32(r.lo);
    }
    if ((count & 1) != 0) vst1_lane_f32(o, v, 0);
  }
  static SMELT_INLINE void store_part(uint16_t* o, uint16x8_t r, size_t count) {
    uint16x4_t v = vget_low_u16(r);
    if ((count & 4) != 0) {
      vst1_u16(o, v);
      o += 4;
      v = vget_high_u16(r);
    }
    if ((count & 2) != 0) {
      vst1_lane_u16(o, v, 0);
      vst1_lane_u16(o + 1, v, 1);
      o += 2;
      v = vext_u16(v, v, 2);
    }
    if ((count & 1) != 0) vst1_lane_u16(o, v, 0);
  }
  /// A bfloat16 in the upper half of each lane: to nearest, half to even; NaN stays a quiet one.
  static SMELT_INLINE uint32x4_t rounded(float32x4_t r) {
    const uint32x4_t u = vreinterpretq_u32_f32(r);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(u, 16), vdupq_n_u32(1));
    const uint32x4_t up = vaddq_u32(u, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    return vbslq_u32(vceqq_f32(r, r), up, vorrq_u32(u, vdupq_n_u32(0x400000)));
  }
};

}  // namespace
}  // namespace smelt
