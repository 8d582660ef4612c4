// Quantises rows of floats to int8 and transposes them into panels, in one streaming pass over vl rows at a time.
//
// Four vectors of floats become one of int8, which is vl words of four k: a row of a tile. Four of those fill a row of all
// tiles; the columns then go to the panel (see words.inl).
//
// The arithmetic is that of vector/quantize.inl, so that the integers are the same.
#include "kernels/pack/quantize_rows.h"
#include "kernels/pack/words.inl"

namespace smelt {
namespace {

/// 32-bit lanes of the longest streaming vector.
constexpr size_t kMaxLanes = 64;

struct RowScaling {
  float inverse;
  int32_t zero;
};

/// From the smallest and the largest element of a row, and zero.
SMELT_INLINE RowScaling row_scaling(float lo, float hi, RowQuant& found) SMELT_FN {
  const float inverse = lo == hi ? 1.0f : 255.0f / (hi - lo);
  const float scaled_lo = lo * inverse, scaled_hi = hi * inverse;
  float zero = -128.0f + scaled_lo + (127.0f + scaled_hi) > 0 ? -128.0f - scaled_lo : 127.0f - scaled_hi;
  zero = zero < -128.0f ? -128.0f : zero > 127.0f ? 127.0f : zero;
  if (zero != zero) zero = 0;  // infinite inputs
  found = {int32_t(__builtin_rintf(zero)), 1.0f / inverse};
  return {inverse, found.zero};
}

SMELT_INLINE RowScaling measure_row(const float* x, size_t k, RowQuant& found) SMELT_FN {
  const size_t step = 4 * svcntw();
  Float4 lo = dup4(svdup_f32(0)), hi = lo;
  for (; k >= step; k -= step, x += step) {
    const Float4 v = svreinterpret_f32(load4<0>(reinterpret_cast<const std::byte*>(x)));
    lo = min4(lo, v);
    hi = max4(hi, v);
  }
  if (k != 0) {
    const Float4 v = load_floats4(x, k);
    lo = min4(lo, v);
    hi = max4(hi, v);
  }
  const svbool_t all = svptrue_b32();
  const svfloat32_t l = svmin_x(all, svmin_x(all, svget4(lo, 0), svget4(lo, 1)), svmin_x(all, svget4(lo, 2), svget4(lo, 3)));
  const svfloat32_t h = svmax_x(all, svmax_x(all, svget4(hi, 0), svget4(hi, 1)), svmax_x(all, svget4(hi, 2), svget4(hi, 3)));
  return row_scaling(svminv(all, l), svmaxv(all, h), found);
}

/// NaN becomes the zero point.
SMELT_INLINE svuint8_t quantize4(Float4 x, const RowScaling& s) SMELT_FN {
  return svreinterpret_u8(narrow4(add4(round4(mul4(x, dup4(svdup_f32(s.inverse)))), svdup_s32(s.zero))));
}

/// One vector of int8.
SMELT_INLINE svuint8_t quantize_whole(const float* x, const RowScaling& s) SMELT_FN {
  return quantize4(svreinterpret_f32(load4<0>(reinterpret_cast<const std::byte*>(x))), s);
}
/// Vector `vector` of a row's int8; what lies beyond n elements is 0.
SMELT_INLINE svuint8_t quantize_some(const float* x, size_t n, size_t vector, const RowScaling& s) SMELT_FN {
  const size_t begin = vector * svcntb();
  if (n <= begin) return svdup_u8(0);
  const svuint8_t q = quantize4(load_floats4(x + begin, n - begin), s);
  return svsel(svwhilelt_b8(uint64_t(begin), uint64_t(n)), q, svdup_u8(0));
}

SMELT_INLINE Bytes4 quantize_chunk(const float* x, size_t n, const RowScaling& s) SMELT_FN {
  const size_t vector = svcntb();
  if (n < 4 * vector)
    return svcreate4(quantize_some(x, n, 0, s), quantize_some(x, n, 1, s), quantize_some(x, n, 2, s),
                     quantize_some(x, n, 3, s));
  return svcreate4(quantize_whole(x, s), quantize_whole(x + vector, s), quantize_whole(x + 2 * vector, s),
                   quantize_whole(x + 3 * vector, s));
}

SMELT_INLINE void quantize_plain_row(const float* x, size_t k, RowQuant& found, std::byte* out) SMELT_FN {
  const RowScaling s = measure_row(x, k, found);
  const size_t vector = svcntb();
  for (size_t i = 0; i < k; i += vector)
    svst1(svwhilelt_b8(uint64_t(i), uint64_t(k)), reinterpret_cast<uint8_t*>(out) + i,
          quantize4(load_floats4(x + i, k - i), s));
}

SMELT_INLINE void quantize_rows(const FloatRows& f) SMELT_FN {
  const size_t vl = svcntw(), vector = svcntb();
  if (f.panel_stride == 0) {
    for (size_t r = 0; r < f.rows; ++r)
      quantize_plain_row(static_cast<const float*>(f.row[r]), f.k, f.row_quant[r], f.out + r * f.k);
    return;
  }
  for (size_t r0 = 0; r0 < f.rows; r0 += vl) {
    const size_t rows = f.rows - r0 < vl ? f.rows - r0 : vl;
    if (rows < vl) svzero_za();
    std::byte* out = f.out + r0 / vl * f.panel_stride;
    RowScaling scaling[kMaxLanes];
    for (size_t r = 0; r < rows; ++r)
      scaling[r] = measure_row(static_cast<const float*>(f.row[r0 + r]), f.k, f.row_quant[r0 + r]);
    for (size_t skip = 0; skip < f.k; skip += 4 * vector) {
      uint32_t slice = 0;
      for (size_t r = 0; r < rows; ++r, slice += 4)
        write_row(slice, quantize_chunk(static_cast<const float*>(f.row[r0 + r]) + skip, f.k - skip, scaling[r]));
      out = store_words((f.k - skip + 3) / 4, out);
    }
  }
}

}  // namespace
}  // namespace smelt
