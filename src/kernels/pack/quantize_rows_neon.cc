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

/// The scaling of a row, from its smallest and its largest element and zero.
SMELT_INLINE Scaling measure(const float* x, size_t k, RowQuant& found) {
  float32x4_t lo[4], hi[4];
  SMELT_UNROLL for (int v = 0; v < 4; ++v) lo[v] = hi[v] = vdupq_n_f32(0);
  size_t i = 0;
  SMELT_KEEP_LOOP for (; i + 16 <= k; i += 16) {
    SMELT_UNROLL for (int v = 0; v < 4; ++v) {
      const float32x4_t f = vld1q_f32(x + i + 4 * v);
      lo[v] = vminq_f32(lo[v], f);
      hi[v] = vmaxq_f32(hi[v], f);
    }
  }
  SMELT_KEEP_LOOP for (; i < k; ++i) {
    const float32x4_t f = vld1q_dup_f32(x + i);
    lo[0] = vminq_f32(lo[0], f);
    hi[0] = vmaxq_f32(hi[0], f);
  }
  const float low = vminvq_f32(vminq_f32(vminq_f32(lo[0], lo[1]), vminq_f32(lo[2], lo[3])));
  const float high = vmaxvq_f32(vmaxq_f32(vmaxq_f32(hi[0], hi[1]), vmaxq_f32(hi[2], hi[3])));

  const float inverse = low == high ? 1.0f : 255.0f / (high - low);
  const float scaled_low = low * inverse, scaled_high = high * inverse;
  const bool below = -128.0f + scaled_low + (127.0f + scaled_high) > 0;
  float zero = below ? -128.0f - scaled_low : 127.0f - scaled_high;
  zero = zero < -128.0f ? -128.0f : zero > 127.0f ? 127.0f : zero;
  // NaN, from infinite inputs, becomes 0.
  found = {vcvtns_s32_f32(zero), 1.0f / inverse};
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

/// The first `count` of 16 elements, then zeros.
SMELT_INLINE int8x16_t quantize_part(const float* x, size_t count, const Scaling& s) {
  float all[16] = {};
  uint8_t index[16];
  SMELT_KEEP_LOOP for (size_t i = 0; i < 16; ++i) {
    index[i] = uint8_t(i);
    if (i < count) all[i] = x[i];
  }
  const uint8x16_t within = vcltq_u8(vld1q_u8(index), vdupq_n_u8(uint8_t(count)));
  return vandq_s8(quantize16(all, s), vreinterpretq_s8_u8(within));
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
    size_t i = 0;
    SMELT_KEEP_LOOP for (; i + 16 <= k; i += 16) vst1q_s8(to + i, quantize16(x + i, s));
    if (i == k) continue;
    int8_t last[16];
    vst1q_s8(last, quantize_part(x + i, k - i, s));
    __builtin_memcpy(to + i, last, k - i);
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
    size_t i = 0;
    SMELT_KEEP_LOOP for (; i + 16 <= k; i += 16, to += 32) {
      const PairOfWords words(quantize16(x + i, sx), vandq_s8(quantize16(y + i, sy), keep));
      vst1q_s8(to, words.first);
      vst1q_s8(to + 16, words.second);
    }
    if (i < k) {
      const PairOfWords words(quantize_part(x + i, k - i, sx),
                              vandq_s8(quantize_part(y + i, k - i, sy), keep));
      vst1q_s8(to, words.first);
      if (k - i > 8) vst1q_s8(to + 16, words.second);
      to += k - i > 8 ? 32 : 16;
    }
    const auto* end = reinterpret_cast<int8_t*>(out) + stride;
    SMELT_KEEP_LOOP for (; to < end; to += 16) vst1q_s8(to, vdupq_n_s8(0));
  }
}

}  // namespace smelt
