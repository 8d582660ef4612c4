// Four vectors at a time with SME2: one instruction each, but where the comment says otherwise.
#pragma once

#include "kernels/simd/sme_common.h"

namespace smelt {
namespace {

/// Bytes of a vector. Not svcntb(): the compiler would compute the offset of each load anew, beside
/// the load (its multi-vector loads have no immediate offsets). What it cannot see through stays in
/// a register; nor opaque(): that would be several.
SMELT_INLINE size_t vector_bytes() SMELT_FN { return svcntp_c8(svptrue_c8(), 4) / 4; }

/// Vectors kVector … kVector + 3 from p on.
template <int kVector>
SMELT_INLINE Bytes4 load4(const std::byte* p) SMELT_FN {
  return svld1_x4(svptrue_c8(), reinterpret_cast<const uint8_t*>(p + kVector * vector_bytes()));
}
template <int kVector>
SMELT_INLINE svuint8x2_t load2(const std::byte* p) SMELT_FN {
  return svld1_x2(svptrue_c8(), reinterpret_cast<const uint8_t*>(p + kVector * vector_bytes()));
}
template <int kVector>
SMELT_INLINE svuint8_t load1(const std::byte* p) SMELT_FN {
  return svld1(svptrue_b8(), reinterpret_cast<const uint8_t*>(p + kVector * vector_bytes()));
}
SMELT_INLINE Float4 load_float4(const std::byte* p) SMELT_FN {
  return svreinterpret_f32(load4<0>(p));
}
SMELT_INLINE Int4 load_int4(const std::byte* p) SMELT_FN { return svreinterpret_s32(load4<0>(p)); }

/// The words of kCols x vl columns, from vector kVector on: vl neighbours in each vector. Vectors
/// beyond kCols repeat others.
template <int kCols, int kVector>
SMELT_INLINE Bytes4 load_columns(const std::byte* p) SMELT_FN {
  if constexpr (kCols > 2) {
    return load4<kVector>(p);
  } else if constexpr (kCols == 2) {
    const svuint8x2_t b = load2<kVector>(p);
    return svcreate4(svget2(b, 0), svget2(b, 1), svget2(b, 0), svget2(b, 1));
  } else {
    const svuint8_t b = load1<kVector>(p);
    return svcreate4(b, b, b, b);
  }
}

/// The row of all tiles that begins at ZA vector `slice`, 4 x the row's number.
SMELT_INLINE Bytes4 read_row(uint32_t slice) SMELT_FN { return svread_hor_za8_u8_vg4(0, slice); }
/// The second half of it: the rows of tiles 2 and 3.
SMELT_INLINE svfloat32x2_t read_float_row(uint32_t slice) SMELT_FN {
  return svreinterpret_f32(svread_hor_za8_u8_vg2(0, slice + 2));
}
SMELT_INLINE void write_row(uint32_t slice, Bytes4 v) SMELT_FN {
  svwrite_hor_za8_u8_vg4(0, slice, v);
}

/// The first `bytes` bytes of kVecs vectors, which begin at p + o, go to vectors of ZA from `slice`
/// on; the rest of them becomes 0. One instruction each.
template <int kVecs>
SMELT_INLINE void load_slices(uint32_t slice, const std::byte* p, VectorOffsets o, size_t bytes)
    SMELT_FN {
  const size_t v = svcntb();
  const auto some = [&](size_t begin)
                        SMELT_FN { return svwhilelt_b8(uint64_t(begin), uint64_t(bytes)); };
  svld1_hor_za8(0, slice, some(0), p + o.at[0]);
  if constexpr (kVecs > 1) svld1_hor_za8(0, slice + 1, some(v), p + o.at[1]);
  if constexpr (kVecs > 2) svld1_hor_za8(0, slice + 2, some(2 * v), p + o.at[2]);
  if constexpr (kVecs > 3) svld1_hor_za8(0, slice + 3, some(3 * v), p + o.at[3]);
}

/// The same for a row of the tiles. Two instructions for four vectors.
template <int kVecs>
SMELT_INLINE void load_row(uint32_t slice, const std::byte* p, VectorOffsets o, size_t bytes)
    SMELT_FN {
  if constexpr (kVecs < 4) return load_slices<kVecs>(slice, p, o, bytes);
  const svcount_t some = svwhilelt_c8(uint64_t(0), uint64_t(bytes), 4);
  write_row(slice, svld1_x4(some, reinterpret_cast<const uint8_t*>(p + o.at[0])));
}
/// … of two vectors of p and two of q. Three instructions.
SMELT_INLINE void load_row(uint32_t slice, const std::byte* p, const std::byte* q, VectorOffsets o,
                           size_t bytes) SMELT_FN {
  const svcount_t some = svwhilelt_c8(uint64_t(0), uint64_t(bytes), 2);
  const svuint8x2_t v = svld1_x2(some, reinterpret_cast<const uint8_t*>(p + o.at[0]));
  const svuint8x2_t w = svld1_x2(some, reinterpret_cast<const uint8_t*>(q + o.at[0]));
  write_row(slice, svcreate4(svget2(v, 0), svget2(v, 1), svget2(w, 0), svget2(w, 1)));
}
/// Columns column … column + 3 of a tile go to p. Two instructions.
template <int kTile>
SMELT_INLINE void store_columns(uint32_t column, std::byte* p, VectorOffsets) SMELT_FN {
  // As bytes: an offset in bytes needs no addition.
  svst1(svptrue_c8(), reinterpret_cast<uint8_t*>(p),
        svreinterpret_u8(svread_ver_za32_u32_vg4(kTile, column)));
}

/// The first n lanes of four vectors; the others are 0.
SMELT_INLINE Float4 load_floats4(const float* p, size_t n) SMELT_FN {
  return svld1_x4(svwhilelt_c32(uint64_t(0), uint64_t(n), 4), p);
}
SMELT_INLINE Float4 min4(Float4 v, Float4 w) SMELT_FN { return svmin_f32_x4(v, w); }
SMELT_INLINE Float4 max4(Float4 v, Float4 w) SMELT_FN { return svmax_f32_x4(v, w); }

/// NaN stays NaN. Two instructions.
SMELT_INLINE Float4 clamp4(Float4 v, svfloat32_t lo, svfloat32_t hi) SMELT_FN {
  return svmin_single_f32_x4(svmax_single_f32_x4(v, lo), hi);
}
SMELT_INLINE svfloat32x2_t clamp2(svfloat32x2_t v, svfloat32_t lo, svfloat32_t hi) SMELT_FN {
  return svmin_single_f32_x2(svmax_single_f32_x2(v, lo), hi);
}
SMELT_INLINE Float4 to_float4(Int4 v) SMELT_FN { return svcvt_f32_s32_x4(v); }
/// Vectors of bfloat16 to floats. One instruction per two results.
SMELT_INLINE svfloat32x2_t widen_bf16(svuint8_t v) SMELT_FN {
  return svreinterpret_f32(svzip_u16_x2(svcreate2(svdup_u16(0), svreinterpret_u16(v))));
}

/// Tiles 2 and 3 += tiles 0 and 1, which hold integers, x the scales of their columns.
SMELT_INLINE void add_scaled_tiles(svfloat32_t s0, svfloat32_t s1) SMELT_FN {
  // Group v of the array is four rows of tile v % 4; six instructions per eight vectors.
  const auto four_rows = [](uint32_t v, svfloat32_t t0, svfloat32_t t1) SMELT_FN {
    svmla_single_za32_f32_vg1x4(v + 2, to_float4(svread_za32_s32_vg1x4(v)), t0);
    svmla_single_za32_f32_vg1x4(v + 3, to_float4(svread_za32_s32_vg1x4(v + 1)), t1);
  };
  if (svcntw() == 4) return four_rows(0, s0, s1);
  for (uint32_t v = 0, end = opaque(uint32_t(svcntw())); v != end; v = opaque(v + 8)) {
    four_rows(v, s0, s1);
    four_rows(v + 4, s0, s1);
  }
}

/// Half to even; saturates. Two instructions.
SMELT_INLINE Int4 round4(Float4 v) SMELT_FN { return svcvt_s32_f32_x4(svrintn_f32_x4(v)); }
/// For numbers small enough for int8.
SMELT_INLINE Int4 round_low4(Float4 v) SMELT_FN { return round4(v); }
SMELT_INLINE Int4 add4(Int4 v, svint32_t x) SMELT_FN { return svadd_single_s32_x4(v, x); }

/// The first n columns of two vectors.
SMELT_INLINE void put_columns(float* o, size_t n, svfloat32_t v, svfloat32_t w) SMELT_FN {
  // As bytes: an offset in bytes needs no addition.
  svst1(svwhilelt_c8(uint64_t(0), uint64_t(4 * n), 2), reinterpret_cast<uint8_t*>(o),
        svreinterpret_u8(svcreate2(v, w)));
}
SMELT_INLINE void put_columns(float16_t* o, size_t n, svfloat32_t v, svfloat32_t w) SMELT_FN {
  svst1(svwhilelt_b16(uint64_t(0), uint64_t(n)), o, svcvt_f16_f32_x2(svcreate2(v, w)));
}
SMELT_INLINE void put_columns(bfloat16_t* o, size_t n, svfloat32_t v, svfloat32_t w) SMELT_FN {
  svst1(svwhilelt_b16(uint64_t(0), uint64_t(n)), o, svcvt_bf16_f32_x2(svcreate2(v, w)));
}
/// … of integers, plus zero.
SMELT_INLINE void put_columns(int8_t* o, size_t n, svint32_t v, svint32_t w, int32_t zero)
    SMELT_FN {
  svst1b(svwhilelt_b16(uint64_t(0), uint64_t(n)), o,
         svadd_x(svptrue_b16(), svqcvt_s16_s32_x2(svcreate2(v, w)), svdup_s16(int16_t(zero))));
}

/// Saturates to int8, in one vector.
SMELT_INLINE svint8_t narrow4(Int4 v) SMELT_FN { return svqcvt_s8_s32_x4(v); }

/// The first n columns of four vectors.
SMELT_INLINE void put_columns(float* o, size_t n, Float4 v) SMELT_FN {
  // As bytes: an offset in bytes needs no addition.
  svst1(svwhilelt_c8(uint64_t(0), uint64_t(4 * n), 4), reinterpret_cast<uint8_t*>(o),
        svreinterpret_u8(v));
}
SMELT_INLINE void put_columns(float16_t* o, size_t n, Float4 v) SMELT_FN {  // three
  const svfloat16_t lo = svcvt_f16_f32_x2(svcreate2(svget4(v, 0), svget4(v, 1)));
  const svfloat16_t hi = svcvt_f16_f32_x2(svcreate2(svget4(v, 2), svget4(v, 3)));
  svst1(svwhilelt_c16(uint64_t(0), uint64_t(n), 2), o, svcreate2(lo, hi));
}
SMELT_INLINE void put_columns(bfloat16_t* o, size_t n, Float4 v) SMELT_FN {  // three
  const svbfloat16_t lo = svcvt_bf16_f32_x2(svcreate2(svget4(v, 0), svget4(v, 1)));
  const svbfloat16_t hi = svcvt_bf16_f32_x2(svcreate2(svget4(v, 2), svget4(v, 3)));
  svst1(svwhilelt_c16(uint64_t(0), uint64_t(n), 2), o, svcreate2(lo, hi));
}
/// … of integers, plus zero. Three instructions.
SMELT_INLINE void put_columns(int8_t* o, size_t n, Int4 v, int32_t zero) SMELT_FN {
  svst1(svwhilelt_b8(uint64_t(0), uint64_t(n)), o, narrow4(add4(v, svdup_s32(zero))));
}

}  // namespace
}  // namespace smelt
