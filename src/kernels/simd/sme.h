// Four vectors at a time with SME of the first generation: streaming SVE, one instruction per vector.
#pragma once

#include "kernels/simd/sme_common.h"

namespace smelt {
namespace {


/// Bytes of a vector. Not svcntb(): the compiler would compute offsets anew, beside each use. What it cannot see through stays
/// in registers.
SMELT_INLINE size_t vector_bytes() SMELT_FN { return svcntp_b8(svptrue_b8(), svptrue_b8()) / 16 * 16; }

/// Vector kVector from p on. Immediate offsets reach from -8 to 7, so sixteen vectors share an address; every second one is
/// where the pointer goes next.
template <int kVector>
SMELT_INLINE svuint8_t load1(const std::byte* p) SMELT_FN {
  constexpr int kNear = (kVector + 8) / 16 * 16;
  return svld1_vnum(svptrue_b8(), reinterpret_cast<const uint8_t*>(p + kNear * vector_bytes()), kVector - kNear);
}

/// Vectors kVector … kVector + 3 from p on.
template <int kVector>
SMELT_INLINE Bytes4 load4(const std::byte* p) SMELT_FN {
  return svcreate4(load1<kVector>(p), load1<kVector + 1>(p), load1<kVector + 2>(p), load1<kVector + 3>(p));
}
template <int kVector>
SMELT_INLINE svuint8x2_t load2(const std::byte* p) SMELT_FN {
  return svcreate2(load1<kVector>(p), load1<kVector + 1>(p));
}
SMELT_INLINE Float4 load_float4(const std::byte* p) SMELT_FN { return svreinterpret_f32(load4<0>(p)); }
SMELT_INLINE Int4 load_int4(const std::byte* p) SMELT_FN { return svreinterpret_s32(load4<0>(p)); }

/// The row of all tiles that begins at ZA vector `slice`, 4 x the row's number.
SMELT_INLINE Bytes4 read_row(uint32_t slice) SMELT_FN {
  const svbool_t all = svptrue_b8();
  const svuint8_t any = svundef_u8();
  return svcreate4(svread_hor_za8_m(any, all, 0, slice), svread_hor_za8_m(any, all, 0, slice + 1),
                   svread_hor_za8_m(any, all, 0, slice + 2), svread_hor_za8_m(any, all, 0, slice + 3));
}
SMELT_INLINE void write_row(uint32_t slice, Bytes4 v) SMELT_FN {
  const svbool_t all = svptrue_b8();
  svwrite_hor_za8_m(0, slice, all, svget4(v, 0));
  svwrite_hor_za8_m(0, slice + 1, all, svget4(v, 1));
  svwrite_hor_za8_m(0, slice + 2, all, svget4(v, 2));
  svwrite_hor_za8_m(0, slice + 3, all, svget4(v, 3));
}

/// The first `bytes` bytes of four vectors go to the row at `slice`; the rest becomes 0.
SMELT_INLINE void load_row(uint32_t slice, const std::byte* p, size_t bytes) SMELT_FN {
  const size_t vector = svcntb();
  svld1_hor_za8(0, slice, svwhilelt_b8(uint64_t(0), uint64_t(bytes)), p);
  svld1_hor_za8(0, slice + 1, svwhilelt_b8(uint64_t(vector), uint64_t(bytes)), p + vector);
  svld1_hor_za8(0, slice + 2, svwhilelt_b8(uint64_t(2 * vector), uint64_t(bytes)), p + 2 * vector);
  svld1_hor_za8(0, slice + 3, svwhilelt_b8(uint64_t(3 * vector), uint64_t(bytes)), p + 3 * vector);
}
/// The first `bytes` bytes of two vectors of p and of two of q go to the row at `slice`.
SMELT_INLINE void load_row(uint32_t slice, const std::byte* p, const std::byte* q, size_t bytes) SMELT_FN {
  const size_t vector = svcntb();
  const svbool_t first = svwhilelt_b8(uint64_t(0), uint64_t(bytes));
  const svbool_t second = svwhilelt_b8(uint64_t(vector), uint64_t(bytes));
  svld1_hor_za8(0, slice, first, p);
  svld1_hor_za8(0, slice + 1, second, p + vector);
  svld1_hor_za8(0, slice + 2, first, q);
  svld1_hor_za8(0, slice + 3, second, q + vector);
}
/// Columns column … column + 3 of a tile.
template <int kTile>
SMELT_INLINE void store_columns(uint32_t column, std::byte* p) SMELT_FN {
  const svbool_t all = svptrue_b32();
  const size_t vector = svcntb();
  svst1_ver_za32(kTile, column, all, p);
  svst1_ver_za32(kTile, column + 1, all, p + vector);
  svst1_ver_za32(kTile, column + 2, all, p + 2 * vector);
  svst1_ver_za32(kTile, column + 3, all, p + 3 * vector);
}

/// The first n lanes of four vectors; the others are 0.
SMELT_INLINE Float4 load_floats4(const float* p, size_t n) SMELT_FN {
  const size_t vl = svcntw();
  return svcreate4(svld1(lanes_from(0, n), p), svld1(lanes_from(vl, n), p + vl), svld1(lanes_from(2 * vl, n), p + 2 * vl),
                   svld1(lanes_from(3 * vl, n), p + 3 * vl));
}
SMELT_INLINE Float4 min4(Float4 v, Float4 w) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svcreate4(svmin_x(all, svget4(v, 0), svget4(w, 0)), svmin_x(all, svget4(v, 1), svget4(w, 1)),
                   svmin_x(all, svget4(v, 2), svget4(w, 2)), svmin_x(all, svget4(v, 3), svget4(w, 3)));
}
SMELT_INLINE Float4 max4(Float4 v, Float4 w) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svcreate4(svmax_x(all, svget4(v, 0), svget4(w, 0)), svmax_x(all, svget4(v, 1), svget4(w, 1)),
                   svmax_x(all, svget4(v, 2), svget4(w, 2)), svmax_x(all, svget4(v, 3), svget4(w, 3)));
}

/// NaN stays NaN.
SMELT_INLINE svfloat32_t clamp1(svfloat32_t v, svfloat32_t lo, svfloat32_t hi) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svmin_x(all, svmax_x(all, v, lo), hi);
}
SMELT_INLINE Float4 clamp4(Float4 v, svfloat32_t lo, svfloat32_t hi) SMELT_FN {
  return svcreate4(clamp1(svget4(v, 0), lo, hi), clamp1(svget4(v, 1), lo, hi), clamp1(svget4(v, 2), lo, hi),
                   clamp1(svget4(v, 3), lo, hi));
}
SMELT_INLINE svfloat32x2_t clamp2(svfloat32x2_t v, svfloat32_t lo, svfloat32_t hi) SMELT_FN {
  return svcreate2(clamp1(svget2(v, 0), lo, hi), clamp1(svget2(v, 1), lo, hi));
}
SMELT_INLINE Float4 to_float4(Int4 v) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svcreate4(svcvt_f32_x(all, svget4(v, 0)), svcvt_f32_x(all, svget4(v, 1)), svcvt_f32_x(all, svget4(v, 2)),
                   svcvt_f32_x(all, svget4(v, 3)));
}
SMELT_INLINE void begin_nibbles() SMELT_FN {}
/// Nibbles that are stored plus 8, low ones first, to int8.
SMELT_INLINE svuint8x2_t expand_nibbles(svuint8_t v) SMELT_FN {
  const svbool_t all = svptrue_b8();
  const svuint8_t lo = svsub_x(all, svand_x(all, v, 15), 8), hi = svsub_x(all, svlsr_x(all, v, 4), 8);
  return svcreate2(svzip1(lo, hi), svzip2(lo, hi));
}

/// Vectors of bfloat16 to floats.
SMELT_INLINE svfloat32x2_t widen_bf16(svuint16_t v) SMELT_FN {
  const svuint16_t zero = svdup_u16(0);
  return svcreate2(svreinterpret_f32(svzip1(zero, v)), svreinterpret_f32(svzip2(zero, v)));
}

/// Tiles 2 and 3 += tiles 0 and 1, which hold integers, x the scales of their columns.
SMELT_INLINE void add_scaled_tiles(svfloat32_t s0, svfloat32_t s1) SMELT_FN {
  const svbool_t all = svptrue_b32();
  for (uint32_t slice = 0; slice < 4 * uint32_t(svcntw()); slice += 4) {
    const Bytes4 row = read_row(slice);
    const svfloat32_t f0 = svcvt_f32_x(all, svreinterpret_s32(svget4(row, 0)));
    const svfloat32_t f1 = svcvt_f32_x(all, svreinterpret_s32(svget4(row, 1)));
    write_row(slice, svcreate4(svget4(row, 0), svget4(row, 1),
                               svreinterpret_u8(svmla_x(all, svreinterpret_f32(svget4(row, 2)), f0, s0)),
                               svreinterpret_u8(svmla_x(all, svreinterpret_f32(svget4(row, 3)), f1, s1))));
  }
}

/// Half to even; saturates.
SMELT_INLINE svint32_t round1(svfloat32_t v) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svcvt_s32_x(all, svrintn_x(all, v));
}
SMELT_INLINE Int4 round4(Float4 v) SMELT_FN {
  return svcreate4(round1(svget4(v, 0)), round1(svget4(v, 1)), round1(svget4(v, 2)), round1(svget4(v, 3)));
}
SMELT_INLINE Int4 add4(Int4 v, svint32_t x) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svcreate4(svadd_x(all, svget4(v, 0), x), svadd_x(all, svget4(v, 1), x), svadd_x(all, svget4(v, 2), x),
                   svadd_x(all, svget4(v, 3), x));
}

/// Numbers small enough for int8, half to even, in the low bits of each lane: what adding 1.5 x 2^23 leaves there.
SMELT_INLINE svint32_t round_low1(svfloat32_t v) SMELT_FN {
  return svreinterpret_s32(svadd_x(svptrue_b32(), v, svdup_f32(0x1.8p23f)));
}
SMELT_INLINE Int4 round_low4(Float4 v) SMELT_FN {
  return svcreate4(round_low1(svget4(v, 0)), round_low1(svget4(v, 1)), round_low1(svget4(v, 2)), round_low1(svget4(v, 3)));
}

/// Saturates to int8, in one vector.
SMELT_INLINE svint8_t narrow4(Int4 v) SMELT_FN {
  const svint32_t lo = svdup_s32(-128), hi = svdup_s32(127);
  const auto half = [](svint32_t a, svint32_t b) SMELT_FN { return svuzp1(svreinterpret_s16(a), svreinterpret_s16(b)); };
  const svint16_t h0 = half(svclamp(svget4(v, 0), lo, hi), svclamp(svget4(v, 1), lo, hi));
  const svint16_t h1 = half(svclamp(svget4(v, 2), lo, hi), svclamp(svget4(v, 3), lo, hi));
  return svuzp1(svreinterpret_s8(h0), svreinterpret_s8(h1));
}

/// The first n lanes of two vectors.
template <class T, class V>
SMELT_INLINE void store2(T* o, size_t n, V v, V w) SMELT_FN {
  store1(o, lanes_from(0, n), v);
  store1(o + svcntw(), lanes_from(svcntw(), n), w);
}

/// The first n lanes of four vectors.
template <class T, class V>
SMELT_INLINE void store4(T* o, size_t n, V v) SMELT_FN {
  const size_t vl = svcntw();
  store1(o, lanes_from(0, n), svget4(v, 0));
  store1(o + vl, lanes_from(vl, n), svget4(v, 1));
  store1(o + 2 * vl, lanes_from(2 * vl, n), svget4(v, 2));
  store1(o + 3 * vl, lanes_from(3 * vl, n), svget4(v, 3));
}

/// The first n lanes of four vectors, of which the low bytes count, plus zero.
SMELT_INLINE void store4(int8_t* o, size_t n, Int4 v, int32_t zero) SMELT_FN {
  const auto half = [](svint32_t a, svint32_t b) SMELT_FN { return svuzp1(svreinterpret_s16(a), svreinterpret_s16(b)); };
  const svint16_t h0 = half(svget4(v, 0), svget4(v, 1)), h1 = half(svget4(v, 2), svget4(v, 3));
  const svint8_t bytes = svuzp1(svreinterpret_s8(h0), svreinterpret_s8(h1));
  svst1(svwhilelt_b8(uint64_t(0), uint64_t(n)), o, svadd_x(svptrue_b8(), bytes, svdup_s8(int8_t(zero))));
}

}  // namespace
}  // namespace smelt
