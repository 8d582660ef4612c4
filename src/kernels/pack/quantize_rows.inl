// Quantises rows of floats to int8 and transposes them into panels, in one streaming pass over vl
// rows at a time.
//
// Four vectors of floats become one of int8, which is vl words of four k: a row of a tile. Four of
// those fill a row of all tiles; the columns then go to the panel (see words.inl).
//
// The arithmetic is that of vector/quantize.inl, so that the integers are the same.
#include "kernels/pack/quantize_rows.h"
#include "kernels/pack/words.inl"

namespace smelt {
namespace {

/// 32-bit lanes of the longest streaming vector.
constexpr size_t kMaxLanes = 64;

/// How the rows of a panel are quantised; first, their smallest and largest elements.
struct RowScaling {
  float lo[kMaxLanes], hi[kMaxLanes];
  float inverse[kMaxLanes];
  int32_t zero[kMaxLanes];
};

/// The smallest and the largest element of a row, and zero. Minima and maxima keep NaN: with one in
/// the row, its scale is NaN.
SMELT_INLINE void measure_row(const float* x, size_t k, float& low, float& high) SMELT_FN {
  const size_t step = 4 * svcntw();
  Float4 lo = dup4(svdup_f32(0)), hi = lo;
  for (; k >= step; k -= step, x += step) {
    const Float4 v = svreinterpret_f32(load_columns<4, 0>(reinterpret_cast<const std::byte*>(x)));
    lo = min4(lo, v);
    hi = max4(hi, v);
  }
  if (k != 0) {
    const Float4 v = load_floats4(x, k);
    lo = min4(lo, v);
    hi = max4(hi, v);
  }
  const svbool_t all = svptrue_b32();
  const svfloat32_t l = svmin_x(all, svmin_x(all, svget4(lo, 0), svget4(lo, 1)),
                                svmin_x(all, svget4(lo, 2), svget4(lo, 3)));
  const svfloat32_t h = svmax_x(all, svmax_x(all, svget4(hi, 0), svget4(hi, 1)),
                                svmax_x(all, svget4(hi, 2), svget4(hi, 3)));
  low = svminv(all, l);
  high = svmaxv(all, h);
}

/// Scales and zero points of up to vl rows, a lane each.
SMELT_INLINE void measure_rows(const void* const* row, size_t rows, size_t k, RowScaling& s,
                               RowQuant* found) SMELT_FN {
  for (size_t r = 0; r < rows; ++r)
    measure_row(static_cast<const float*>(row[r]), k, s.lo[r], s.hi[r]);
  const svbool_t p = lanes_from(0, rows);
  const svfloat32_t lo = svld1(p, s.lo), hi = svld1(p, s.hi), one = svdup_f32(1);
  const svfloat32_t inverse =
      svsel(svcmpeq(p, lo, hi), one, svdivr_x(p, svsub_x(p, hi, lo), svdup_f32(255)));
  const svfloat32_t scaled_lo = svmul_x(p, lo, inverse), scaled_hi = svmul_x(p, hi, inverse);
  const svfloat32_t errors =
      svadd_x(p, svadd_x(p, scaled_lo, svdup_f32(-128)), svadd_x(p, scaled_hi, svdup_f32(127)));
  const svfloat32_t exact =
      svsel(svcmpgt(p, errors, svdup_f32(0)), svsub_x(p, svdup_f32(-128), scaled_lo),
            svsub_x(p, svdup_f32(127), scaled_hi));
  const svfloat32_t within = svmin_x(p, svmax_x(p, exact, svdup_f32(-128)), svdup_f32(127));
  // NaN, from inputs that are not finite, becomes 0.
  const svint32_t zero = svcvt_s32_x(p, svrintn_x(p, within));
  svst1(p, s.inverse, inverse);
  svst1(p, s.zero, zero);
  // With an infinity, or a range that overflows, there is no step.
  const svfloat32_t scale = svsel(svcmpeq(p, inverse, svdup_f32(0)), svdup_f32(__builtin_nanf("")),
                                  svdiv_x(p, one, inverse));
  svst2(p, &found->zero, svcreate2(zero, svreinterpret_s32(scale)));
}

/// NaN becomes the zero point.
SMELT_INLINE svuint8_t quantize4(Float4 x, svfloat32_t inverse, svint32_t zero) SMELT_FN {
  return svreinterpret_u8(narrow4(add4(round4(mul4(x, dup4(inverse))), zero)));
}

/// One vector of int8.
SMELT_INLINE svuint8_t quantize_whole(const float* x, svfloat32_t inverse, svint32_t zero)
    SMELT_FN {
  return quantize4(svreinterpret_f32(load_columns<4, 0>(reinterpret_cast<const std::byte*>(x))),
                   inverse, zero);
}
/// Vector `vector` of a row's int8; what lies beyond n elements is 0.
SMELT_INLINE svuint8_t quantize_some(const float* x, size_t n, size_t vector, svfloat32_t inverse,
                                     svint32_t zero) SMELT_FN {
  const size_t begin = vector * svcntb();
  if (n <= begin) return svdup_u8(0);
  const svuint8_t q = quantize4(load_floats4(x + begin, n - begin), inverse, zero);
  return svsel(svwhilelt_b8(uint64_t(begin), uint64_t(n)), q, svdup_u8(0));
}

SMELT_INLINE Bytes4 quantize_chunk(const float* x, size_t n, svfloat32_t inverse, svint32_t zero)
    SMELT_FN {
  const size_t vector = svcntb();
  if (n < 4 * vector)
    return svcreate4(quantize_some(x, n, 0, inverse, zero), quantize_some(x, n, 1, inverse, zero),
                     quantize_some(x, n, 2, inverse, zero), quantize_some(x, n, 3, inverse, zero));
  return svcreate4(quantize_whole(x, inverse, zero), quantize_whole(x + vector, inverse, zero),
                   quantize_whole(x + 2 * vector, inverse, zero),
                   quantize_whole(x + 3 * vector, inverse, zero));
}

SMELT_INLINE void quantize_plain_row(const float* x, size_t k, svfloat32_t inverse, svint32_t zero,
                                     std::byte* out) SMELT_FN {
  const size_t vector = svcntb();
  for (size_t i = 0; i < k; i += vector)
    svst1(svwhilelt_b8(uint64_t(i), uint64_t(k)), reinterpret_cast<uint8_t*>(out) + i,
          quantize4(load_floats4(x + i, k - i), inverse, zero));
}

SMELT_INLINE void quantize_rows(const FloatRows& f) SMELT_FN {
  const size_t vl = svcntw(), vector = svcntb();
  RowScaling scaling;
  for (size_t r0 = 0; r0 < f.rows; r0 += vl) {
    const size_t rows = f.rows - r0 < vl ? f.rows - r0 : vl;
    const void* const* row = f.row + r0;
    measure_rows(row, rows, f.k, scaling, f.row_quant + r0);
    if (f.panel_stride == 0) {
      for (size_t r = 0; r < rows; ++r)
        quantize_plain_row(static_cast<const float*>(row[r]), f.k, svdup_f32(scaling.inverse[r]),
                           svdup_s32(scaling.zero[r]), f.out + (r0 + r) * f.k);
      continue;
    }
    if (rows < vl) svzero_za();
    std::byte* out = f.out + r0 / vl * f.panel_stride;
    for (size_t skip = 0; skip < f.k; skip += 4 * vector) {
      uint32_t slice = 0;
      for (size_t r = 0; r < rows; ++r, slice += 4)
        write_row(slice, quantize_chunk(static_cast<const float*>(row[r]) + skip, f.k - skip,
                                        svdup_f32(scaling.inverse[r]), svdup_s32(scaling.zero[r])));
      out = store_words((f.k - skip + 3) / 4, out);
    }
  }
}

}  // namespace
}  // namespace smelt
