// Four vectors at a time with SME of the first generation: streaming SVE, one instruction per
// vector.
#pragma once

#include "kernels/simd/sme_common.h"

namespace smelt {
namespace {

/// Bytes of a vector.
SMELT_INLINE size_t vector_bytes() SMELT_FN { return opaque(size_t(svcntb())); }

/// Vector kVector from p on. Immediate offsets reach from -8 to 7, so sixteen vectors share an
/// address; every second one is where the pointer goes next.
template <int kVector>
SMELT_INLINE svuint8_t load1(const std::byte* p) SMELT_FN {
  constexpr int kNear = (kVector + 8) / 16 * 16;
  return svld1_vnum(svptrue_b8(), reinterpret_cast<const uint8_t*>(p + kNear * vector_bytes()),
                    kVector - kNear);
}
/// Vectors kVector … kVector + 3 from p on.
template <int kVector>
SMELT_INLINE Bytes4 load4(const std::byte* p) SMELT_FN {
  return svcreate4(load1<kVector>(p), load1<kVector + 1>(p), load1<kVector + 2>(p),
                   load1<kVector + 3>(p));
}
template <int kVector>
SMELT_INLINE svuint8x2_t load2(const std::byte* p) SMELT_FN {
  return svcreate2(load1<kVector>(p), load1<kVector + 1>(p));
}

/// The words of kCols x vl columns, from vector kVector on, in one instruction: neighbours go to
/// different vectors, and come back together when put_columns() stores.
///
///   kCols = 4:  c0 c4 c8 …    c1 c5 c9 …    c2 c6 …    c3 c7 …
///   kCols = 3:  c0 c2 …       c1 c3 …       and the last vl columns as they are
///   kCols = 2:  c0 c2 …       c1 c3 …       and these two again
///   kCols = 1:  c0 c1 …       and this one again
template <int kCols, int kVector>
SMELT_INLINE Bytes4 load_columns(const std::byte* p) SMELT_FN {
  const svbool_t all = svptrue_b32();
  if constexpr (kCols == 1) {
    const svuint8_t b = load1<kVector>(p);
    return svcreate4(b, b, b, b);
  } else if constexpr (kCols == 4) {
    return svreinterpret_u8(svld4_vnum(all, reinterpret_cast<const uint32_t*>(p), kVector));
  } else {
    constexpr int kNear = (kVector + 16) / 32 * 32;
    const svuint8x2_t b = svreinterpret_u8(svld2_vnum(
        all, reinterpret_cast<const uint32_t*>(p + kNear * vector_bytes()), kVector - kNear));
    if constexpr (kCols == 3)
      return svcreate4(svget2(b, 0), svget2(b, 1), load1<kVector + 2>(p), svget2(b, 0));
    return svcreate4(svget2(b, 0), svget2(b, 1), svget2(b, 0), svget2(b, 1));
  }
}

/// The row of all tiles that begins at ZA vector `slice`, 4 x the row's number.
SMELT_INLINE Bytes4 read_row(uint32_t slice) SMELT_FN {
  const svbool_t all = svptrue_b8();
  const svuint8_t any = svundef_u8();
  return svcreate4(svread_hor_za8_m(any, all, 0, slice), svread_hor_za8_m(any, all, 0, slice + 1),
                   svread_hor_za8_m(any, all, 0, slice + 2),
                   svread_hor_za8_m(any, all, 0, slice + 3));
}
/// The second half of it: the rows of tiles 2 and 3.
SMELT_INLINE svfloat32x2_t read_float_row(uint32_t slice) SMELT_FN {
  const svbool_t all = svptrue_b32();
  const svfloat32_t any = svundef_f32();
  return svcreate2(svread_hor_za32_m(any, all, 2, slice / 4),
                   svread_hor_za32_m(any, all, 3, slice / 4));
}
SMELT_INLINE void write_row(uint32_t slice, Bytes4 v) SMELT_FN {
  const svbool_t all = svptrue_b8();
  svwrite_hor_za8_m(0, slice, all, svget4(v, 0));
  svwrite_hor_za8_m(0, slice + 1, all, svget4(v, 1));
  svwrite_hor_za8_m(0, slice + 2, all, svget4(v, 2));
  svwrite_hor_za8_m(0, slice + 3, all, svget4(v, 3));
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

/// The same for a row of the tiles.
template <int kVecs>
SMELT_INLINE void load_row(uint32_t slice, const std::byte* p, VectorOffsets o, size_t bytes)
    SMELT_FN {
  load_slices<kVecs>(slice, p, o, bytes);
}
/// … of two vectors of p and two of q.
SMELT_INLINE void load_row(uint32_t slice, const std::byte* p, const std::byte* q, VectorOffsets o,
                           size_t bytes) SMELT_FN {
  load_slices<2>(slice, p, o, bytes);
  load_slices<2>(slice + 2, q, o, bytes);
}
/// Columns column … column + 3 of a tile go to p, and to o words behind it.
template <int kTile>
SMELT_INLINE void store_columns(uint32_t column, std::byte* p, VectorOffsets o) SMELT_FN {
  const svbool_t all = svptrue_b32();
  uint32_t* words = reinterpret_cast<uint32_t*>(p);
  svst1_ver_za32(kTile, column, all, words);
  svst1_ver_za32(kTile, column + 1, all, words + o.at[1]);
  svst1_ver_za32(kTile, column + 2, all, words + o.at[2]);
  svst1_ver_za32(kTile, column + 3, all, words + o.at[3]);
}

/// The first n of 4 vl floats, in the order of load_columns<4>(); the others are 0.
SMELT_INLINE Float4 load_floats4(const float* p, size_t n) SMELT_FN {
  const size_t vl = svcntw();
  if (n % 4 == 0) return svld4(lanes_from(0, n / 4), p);
  const svfloat32_t v0 = svld1(lanes_from(0, n), p), v1 = svld1(lanes_from(vl, n), p + vl);
  const svfloat32_t v2 = svld1(lanes_from(2 * vl, n), p + 2 * vl),
                    v3 = svld1(lanes_from(3 * vl, n), p + 3 * vl);
  const svfloat32_t even = svuzp1(v0, v1), even2 = svuzp1(v2, v3), odd = svuzp2(v0, v1),
                    odd2 = svuzp2(v2, v3);
  return svcreate4(svuzp1(even, even2), svuzp1(odd, odd2), svuzp2(even, even2), svuzp2(odd, odd2));
}
SMELT_INLINE Float4 min4(Float4 v, Float4 w) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svcreate4(
      svmin_x(all, svget4(v, 0), svget4(w, 0)), svmin_x(all, svget4(v, 1), svget4(w, 1)),
      svmin_x(all, svget4(v, 2), svget4(w, 2)), svmin_x(all, svget4(v, 3), svget4(w, 3)));
}
SMELT_INLINE Float4 max4(Float4 v, Float4 w) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svcreate4(
      svmax_x(all, svget4(v, 0), svget4(w, 0)), svmax_x(all, svget4(v, 1), svget4(w, 1)),
      svmax_x(all, svget4(v, 2), svget4(w, 2)), svmax_x(all, svget4(v, 3), svget4(w, 3)));
}

/// NaN stays NaN.
SMELT_INLINE svfloat32_t clamp1(svfloat32_t v, svfloat32_t lo, svfloat32_t hi) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svmin_x(all, svmax_x(all, v, lo), hi);
}
SMELT_INLINE Float4 clamp4(Float4 v, svfloat32_t lo, svfloat32_t hi) SMELT_FN {
  return svcreate4(clamp1(svget4(v, 0), lo, hi), clamp1(svget4(v, 1), lo, hi),
                   clamp1(svget4(v, 2), lo, hi), clamp1(svget4(v, 3), lo, hi));
}
SMELT_INLINE svfloat32x2_t clamp2(svfloat32x2_t v, svfloat32_t lo, svfloat32_t hi) SMELT_FN {
  return svcreate2(clamp1(svget2(v, 0), lo, hi), clamp1(svget2(v, 1), lo, hi));
}
SMELT_INLINE Float4 to_float4(Int4 v) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svcreate4(svcvt_f32_x(all, svget4(v, 0)), svcvt_f32_x(all, svget4(v, 1)),
                   svcvt_f32_x(all, svget4(v, 2)), svcvt_f32_x(all, svget4(v, 3)));
}
SMELT_INLINE void begin_nibbles() SMELT_FN {}
/// Nibbles that are stored plus 8, low ones first, to int8: the words of 2 vl columns, as
/// load_columns<2>() has them.
SMELT_INLINE svuint8x2_t expand_nibbles(svuint8_t v) SMELT_FN {
  const svbool_t all = svptrue_b8();
  const svuint8_t lo = svsub_x(all, svand_x(all, v, 15), 8),
                  hi = svsub_x(all, svlsr_x(all, v, 4), 8);
  // Bytes of k = 0, 1 and of k = 2, 3, of two columns in each word.
  const svuint16_t first = svreinterpret_u16(svtrn1(lo, hi)),
                   second = svreinterpret_u16(svtrn2(lo, hi));
  return svcreate2(svreinterpret_u8(svtrn1(first, second)),
                   svreinterpret_u8(svtrn2(first, second)));
}
/// … the words of the first vl columns, in order.
SMELT_INLINE svuint8_t expand_first_nibbles(svuint8_t v) SMELT_FN {
  const svbool_t all = svptrue_b8();
  return svzip1(svsub_x(all, svand_x(all, v, 15), 8), svsub_x(all, svlsr_x(all, v, 4), 8));
}

/// The words of 4 vl columns, from vector kVector on, of a group and of the next: an element of 16
/// bits is a column's four nibbles, so that the halves of each vector belong to one group and to
/// the other.
template <int kVector>
SMELT_INLINE void load_nibble_pair(const std::byte* p, Bytes4& b0, Bytes4& b1) SMELT_FN {
  const svbool_t all = svptrue_b8();
  const Bytes4 v =
      svreinterpret_u8(svld4_vnum(svptrue_b16(), reinterpret_cast<const uint16_t*>(p), kVector));
  const svuint8_t mask = svdup_u8(15), eight = svdup_u8(8);
  const auto lo = [&](svuint8_t x) SMELT_FN { return svsub_x(all, svand_x(all, x, mask), eight); };
  const auto hi = [&](svuint8_t x) SMELT_FN { return svsub_x(all, svlsr_x(all, x, 4), eight); };
  const svuint8_t l0 = lo(svget4(v, 0)), l1 = lo(svget4(v, 1)), l2 = lo(svget4(v, 2)),
                  l3 = lo(svget4(v, 3));
  const svuint8_t h0 = hi(svget4(v, 0)), h1 = hi(svget4(v, 1)), h2 = hi(svget4(v, 2)),
                  h3 = hi(svget4(v, 3));
  b0 = svcreate4(svzip1(l0, h0), svzip1(l1, h1), svzip1(l2, h2), svzip1(l3, h3));
  b1 = svcreate4(svzip2(l0, h0), svzip2(l1, h1), svzip2(l2, h2), svzip2(l3, h3));
}

/// bfloat16 of 2 vl columns to floats, as load_columns<2>() has them.
SMELT_INLINE svfloat32x2_t widen_bf16(svuint8_t v) SMELT_FN {
  const svbool_t all = svptrue_b32();
  const svuint32_t words = svreinterpret_u32(v);
  return svcreate2(svreinterpret_f32(svlsl_x(all, words, 16)),
                   svreinterpret_f32(svand_x(all, words, 0xffff0000)));
}

/// Tiles 2 and 3 += tiles 0 and 1, which hold integers, x the scales of their columns.
SMELT_INLINE void add_scaled_tiles(svfloat32_t s0, svfloat32_t s1) SMELT_FN {
  const svbool_t all = svptrue_b32();
  const auto row = [&](uint32_t r) SMELT_FN {
    const svint32_t any = svundef_s32();
    const svfloat32_t none = svundef_f32();
    const svfloat32_t f0 = svcvt_f32_x(all, svread_hor_za32_m(any, all, 0, r));
    const svfloat32_t f1 = svcvt_f32_x(all, svread_hor_za32_m(any, all, 1, r));
    svwrite_hor_za32_m(2, r, all, svmla_x(all, svread_hor_za32_m(none, all, 2, r), f0, s0));
    svwrite_hor_za32_m(3, r, all, svmla_x(all, svread_hor_za32_m(none, all, 3, r), f1, s1));
  };
  for (uint32_t r = 0, end = opaque(uint32_t(svcntw())); r != end; r = opaque(r + 4)) {
    row(r);
    row(r + 1);
    row(r + 2);
    row(r + 3);
  }
}

/// Half to even; saturates.
SMELT_INLINE svint32_t round1(svfloat32_t v) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svcvt_s32_x(all, svrintn_x(all, v));
}
SMELT_INLINE Int4 round4(Float4 v) SMELT_FN {
  return svcreate4(round1(svget4(v, 0)), round1(svget4(v, 1)), round1(svget4(v, 2)),
                   round1(svget4(v, 3)));
}
SMELT_INLINE Int4 add4(Int4 v, svint32_t x) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svcreate4(svadd_x(all, svget4(v, 0), x), svadd_x(all, svget4(v, 1), x),
                   svadd_x(all, svget4(v, 2), x), svadd_x(all, svget4(v, 3), x));
}

/// Numbers small enough for int8, half to even, in the low bits of each lane: what adding 1.5 x
/// 2^23 leaves there.
SMELT_INLINE svint32_t round_low1(svfloat32_t v) SMELT_FN {
  return svreinterpret_s32(svadd_x(svptrue_b32(), v, svdup_f32(0x1.8p23f)));
}
SMELT_INLINE Int4 round_low4(Float4 v) SMELT_FN {
  return svcreate4(round_low1(svget4(v, 0)), round_low1(svget4(v, 1)), round_low1(svget4(v, 2)),
                   round_low1(svget4(v, 3)));
}

/// The low halves of lanes of v and w, side by side.
SMELT_INLINE svint16_t pair_halves(svint32_t v, svint32_t w) SMELT_FN {
  return svtrn1(svreinterpret_s16(v), svreinterpret_s16(w));
}
/// The low bytes of four neighbouring columns, side by side.
SMELT_INLINE svint8_t low_bytes(Int4 v) SMELT_FN {
  return svtrn1(svreinterpret_s8(pair_halves(svget4(v, 0), svget4(v, 2))),
                svreinterpret_s8(pair_halves(svget4(v, 1), svget4(v, 3))));
}
/// Saturates to int8, in one vector, neighbouring columns side by side.
SMELT_INLINE svint8_t narrow4(Int4 v) SMELT_FN {
  const svint32_t lo = svdup_s32(-128), hi = svdup_s32(127);
  return low_bytes(svcreate4(svclamp(svget4(v, 0), lo, hi), svclamp(svget4(v, 1), lo, hi),
                             svclamp(svget4(v, 2), lo, hi), svclamp(svget4(v, 3), lo, hi)));
}

/// Even columns and odd columns as 16-bit floats, side by side.
SMELT_INLINE svuint32_t pair_floats(const float16_t*, svfloat32_t even, svfloat32_t odd) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svreinterpret_u32(svcvtnt_f16_x(svcvt_f16_x(all, even), all, odd));
}
SMELT_INLINE svuint32_t pair_floats(const bfloat16_t*, svfloat32_t even, svfloat32_t odd) SMELT_FN {
  const svbool_t all = svptrue_b32();
  return svreinterpret_u32(svcvtnt_bf16_x(svcvt_bf16_x(all, even), all, odd));
}

/// The first n columns of two vectors, in the order of load_columns<2>().
SMELT_INLINE void put_columns(float* o, size_t n, svfloat32_t v, svfloat32_t w) SMELT_FN {
  if (n % 2 == 0) return svst2(lanes_from(0, n / 2), o, svcreate2(v, w));
  store1(o, lanes_from(0, n), svzip1(v, w));
  store1(o + svcntw(), lanes_from(svcntw(), n), svzip2(v, w));
}
template <class T>
SMELT_INLINE void put_columns(T* o, size_t n, svfloat32_t v, svfloat32_t w) SMELT_FN {
  svst1(svwhilelt_b16(uint64_t(0), uint64_t(n)), reinterpret_cast<uint16_t*>(o),
        svreinterpret_u16(pair_floats(o, v, w)));
}
/// … of integers of which the low bytes count, plus zero.
SMELT_INLINE void put_columns(int8_t* o, size_t n, svint32_t v, svint32_t w, int32_t zero)
    SMELT_FN {
  svst1b(svwhilelt_b16(uint64_t(0), uint64_t(n)), o,
         svadd_x(svptrue_b16(), pair_halves(v, w), svdup_s16(int16_t(zero))));
}

/// The first n columns of four vectors, in the order of load_columns<4>().
SMELT_INLINE void put_columns(float* o, size_t n, Float4 v) SMELT_FN {
  if (n % 4 == 0) return svst4(lanes_from(0, n / 4), o, v);
  const size_t half = 2 * svcntw(), rest = n < half ? 0 : n - half;
  const svfloat32_t even = svget4(v, 0), odd = svget4(v, 1), even2 = svget4(v, 2),
                    odd2 = svget4(v, 3);
  const svfloat32_t a = svzip1(even, even2), b = svzip1(odd, odd2);
  store1(o, lanes_from(0, n), svzip1(a, b));
  store1(o + svcntw(), lanes_from(svcntw(), n), svzip2(a, b));
  const svfloat32_t c = svzip2(even, even2), d = svzip2(odd, odd2);
  store1(o + half, lanes_from(0, rest), svzip1(c, d));
  store1(o + half + svcntw(), lanes_from(svcntw(), rest), svzip2(c, d));
}
template <class T>
SMELT_INLINE void put_columns(T* o, size_t n, Float4 v) SMELT_FN {
  uint32_t* words = reinterpret_cast<uint32_t*>(o);
  const svuint32_t a = pair_floats(o, svget4(v, 0), svget4(v, 1)),
                   b = pair_floats(o, svget4(v, 2), svget4(v, 3));
  if (n % 4 == 0) return svst2(lanes_from(0, n / 4), words, svcreate2(a, b));
  uint16_t* halves = reinterpret_cast<uint16_t*>(o);
  svst1(svwhilelt_b16(uint64_t(0), uint64_t(n)), halves, svreinterpret_u16(svzip1(a, b)));
  svst1(svwhilelt_b16(uint64_t(svcnth()), uint64_t(n)), halves + svcnth(),
        svreinterpret_u16(svzip2(a, b)));
}
SMELT_INLINE void put_columns(int8_t* o, size_t n, Int4 v, int32_t zero) SMELT_FN {
  svst1(svwhilelt_b8(uint64_t(0), uint64_t(n)), o,
        svadd_x(svptrue_b8(), low_bytes(v), svdup_s8(int8_t(zero))));
}

}  // namespace
}  // namespace smelt
