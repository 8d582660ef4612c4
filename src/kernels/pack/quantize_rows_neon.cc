// Quantises rows of floats to int8: a pass for the smallest and largest element, a pass for the
// integers.
//
// The arithmetic is that of vector/quantize.inl, so that the integers are the same.
#include <arm_neon.h>

#include "kernels/compiler.h"
#include "kernels/pack/neon_packers.h"

namespace smelt {

namespace {

struct Scaling {
  float inverse;
  int16x8_t zero;
};

/// The scaling of a row, from its smallest and its largest element and zero. Minima and maxima keep
/// NaN: with one in the row, its scale is NaN.
SMELT_INLINE Scaling measure(const float* x, size_t k, RowQuant& found) {
  float32x4_t lo[4], hi[4];
  SMELT_UNROLL for (int v = 0; v < 4; ++v) lo[v] = hi[v] = vdupq_n_f32(0);
  const auto include = [&](float32x4_t f, int v = 0) SMELT_INLINE_LAMBDA {
    lo[v] = vminq_f32(lo[v], f);
    hi[v] = vmaxq_f32(hi[v], f);
  };
  const float* p = x;
  SMELT_KEEP_LOOP for (size_t n = k / 32; n != 0; --n, p += 32)
      SMELT_UNROLL for (int v = 0; v < 8; ++v) include(vld1q_f32(p + 4 * v), v % 4);
  size_t i = k / 32 * 32;
  if (i + 16 <= k) {
    SMELT_UNROLL for (int v = 0; v < 4; ++v) include(vld1q_f32(x + i + 4 * v), v);
    i += 16;
  }
  SMELT_KEEP_LOOP for (; i + 4 <= k; i += 4) include(vld1q_f32(x + i));
  if (k >= 4 && i < k) include(vld1q_f32(x + k - 4));  // some of them twice
  if (k < 4) SMELT_KEEP_LOOP for (; i < k; ++i) include(vld1q_dup_f32(x + i));
  const float low = vminvq_f32(vminq_f32(vminq_f32(lo[0], lo[1]), vminq_f32(lo[2], lo[3])));
  const float high = vmaxvq_f32(vmaxq_f32(vmaxq_f32(hi[0], hi[1]), vmaxq_f32(hi[2], hi[3])));

  const float inverse = low == high ? 1.0f : 255.0f / (high - low);
  const float scaled_low = low * inverse, scaled_high = high * inverse;
  const bool below = -128.0f + scaled_low + (127.0f + scaled_high) > 0;
  float zero = below ? -128.0f - scaled_low : 127.0f - scaled_high;
  zero = zero < -128.0f ? -128.0f : zero > 127.0f ? 127.0f : zero;
  // NaN, from inputs that are not finite, becomes 0. With an infinity, or a range that overflows,
  // there is no step.
  found = {vcvtns_s32_f32(zero), inverse == 0 ? __builtin_nanf("") : 1.0f / inverse};
  return {inverse, vdupq_n_s16(int16_t(found.zero))};
}

/// 8 elements; NaN becomes the zero point.
SMELT_INLINE int16x8_t quantize8(const float* x, const Scaling& s) {
  const int32x4_t a = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x), s.inverse));
  const int32x4_t b = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4), s.inverse));
  return vqaddq_s16(vqmovn_high_s32(vqmovn_s32(a), b), s.zero);
}
SMELT_INLINE int8x16_t quantize16(const float* x, const Scaling& s) {
  return vqmovn_high_s16(vqmovn_s16(quantize8(x, s)), quantize8(x + 8, s));
}

/// The last `count` < 8 of k elements, then zeros.
SMELT_INLINE int8x8_t quantize_last(const float* x, size_t k, size_t count, const Scaling& s) {
  if (k >= 8) {
    const int8x8_t last = vqmovn_s16(quantize8(x + k - 8, s));
    const int64x1_t move = vcreate_s64(uint64_t(-8 * int64_t(8 - count)));
    return vreinterpret_s8_u64(vshl_u64(vreinterpret_u64_s8(last), move));
  }
  uint64_t word = 0;
  SMELT_KEEP_LOOP for (size_t i = k; i > k - count; --i) {
    const int16x8_t q =
        vqaddq_s16(vdupq_n_s16(vqmovns_s32(vcvtns_s32_f32(x[i - 1] * s.inverse))), s.zero);
    word = word << 8 | vget_lane_u8(vreinterpret_u8_s8(vqmovn_s16(q)), 0);
  }
  return vcreate_s8(word);
}

struct PairOfWords {
  SMELT_INLINE PairOfWords(int8x16_t a, int8x16_t b) {
    const int64x2_t x = vreinterpretq_s64_s8(a), y = vreinterpretq_s64_s8(b);
    first = vreinterpretq_s8_s64(vzip1q_s64(x, y));
    second = vreinterpretq_s8_s64(vzip2q_s64(x, y));
  }
  int8x16_t first, second;
};

}  // namespace

void quantize_rows_neon(const PackLayout&, size_t, size_t m, size_t k, const void* const* rows,
                        RowQuant* row_quant, std::byte* out) {
  auto* to = reinterpret_cast<int8_t*>(out);
  for (size_t r = 0; r < m; ++r, to += k) {
    const auto* x = static_cast<const float*>(rows[r]);
    const Scaling s = measure(x, k, row_quant[r]);
    const float* p = x;
    int8_t* o = to;
    SMELT_KEEP_LOOP for (size_t n = k / 32; n != 0; --n, p += 32, o += 32) {
      vst1q_s8(o, quantize16(p, s));
      vst1q_s8(o + 16, quantize16(p + 16, s));
    }
    if (k % 32 >= 16) vst1q_s8(o, quantize16(p, s));
    size_t i = k / 16 * 16;
    if (i + 8 <= k) {
      vst1_s8(to + i, vqmovn_s16(quantize8(x + i, s)));
      i += 8;
    }
    if (i == k) continue;
    uint64_t last = vget_lane_u64(vreinterpret_u64_s8(quantize_last(x, k, k - i, s)), 0);
    SMELT_KEEP_LOOP for (; i < k; ++i, last >>= 8) to[i] = int8_t(last);
  }
}

void quantize_pairs_neon(const PackLayout& layout, size_t vl32, size_t m, size_t k,
                         const void* const* rows, RowQuant* row_quant, std::byte* out) {
  const size_t stride = panel_map(layout, {.rows = m, .kc = k}, vl32).stride;
  for (size_t r = 0; r < m; r += 2, out += stride) {
    auto* to = reinterpret_cast<int8_t*>(out);
    const bool both = r + 1 < m;
    const auto* x = static_cast<const float*>(rows[r]);
    const auto* y = both ? static_cast<const float*>(rows[r + 1]) : x;
    const Scaling sx = measure(x, k, row_quant[r]);
    const Scaling sy = both ? measure(y, k, row_quant[r + 1]) : sx;
    const int8x16_t keep = vdupq_n_s8(both ? -1 : 0);
    const float *p = x, *q = y;
    SMELT_KEEP_LOOP for (size_t n = k / 16; n != 0; --n, p += 16, q += 16, to += 32) {
      const PairOfWords words(quantize16(p, sx), vandq_s8(quantize16(q, sy), keep));
      vst1q_s8(to, words.first);
      vst1q_s8(to + 16, words.second);
    }
    size_t i = k / 16 * 16;
    const auto put = [&](int8x8_t a, int8x8_t b) SMELT_INLINE_LAMBDA {
      vst1q_s8(to, vcombine_s8(a, vand_s8(b, vget_low_s8(keep))));
      to += 16;
    };
    if (i + 8 <= k) {
      put(vqmovn_s16(quantize8(x + i, sx)), vqmovn_s16(quantize8(y + i, sy)));
      i += 8;
    }
    if (i < k) put(quantize_last(x, k, k - i, sx), quantize_last(y, k, k - i, sy));
    const auto* end = reinterpret_cast<int8_t*>(out) + stride;
    SMELT_KEEP_LOOP for (; to < end; to += 16) vst1q_s8(to, vdupq_n_s8(0));
  }
}

}  // namespace smelt
