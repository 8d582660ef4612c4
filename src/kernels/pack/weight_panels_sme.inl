// Packs panels of 4 vl rows of weights: transposed through ZA, or zipped where columns are runs of
// memory.
#pragma once

#include "kernels/pack/words.h"

namespace smelt {
namespace {

/// The slice after some rows. Slices count modulo the tile, so the mask changes nothing; it keeps
/// the compiler from replacing immediate offsets by additions.
SMELT_INLINE uint32_t next_slices(uint32_t slice, uint32_t step) SMELT_FN {
  return (slice + step) & 0x3ff;
}

// ---- panels of four tiles' rows -----------------------------------------------------------------

/// Where rows come from: vectors of words as they are, into vector `slice` of the array.
struct AsTheyAre {
  static constexpr size_t kTimes = 1;  ///< bytes of the source per byte of the panel
  static SMELT_INLINE void load(uint32_t slice, const std::byte* p, size_t bytes) SMELT_FN {
    svld1_hor_za8(0, slice, svwhilelt_b8(uint64_t(0), uint64_t(bytes)), p);
  }
};

/// Floats, two vectors of which become one of 16-bit elements. Narrowing fills even lanes, then odd
/// ones.
template <class To>
struct Narrowed {
  static constexpr size_t kTimes = 2;
  static SMELT_INLINE void load(uint32_t slice, const std::byte* p, size_t bytes) SMELT_FN {
    const float* f = reinterpret_cast<const float*>(p);
    const size_t vl = svcntw(), n = bytes / 2;
    const svfloat32_t v = svld1(lanes_from(0, n), f), w = svld1(lanes_from(vl, n), f + vl);
    svwrite_hor_za8_m(0, slice, svptrue_b8(), To::narrow(svuzp1(v, w), svuzp2(v, w)));
  }
};
struct ToF16 {
  static SMELT_INLINE svuint8_t narrow(svfloat32_t even, svfloat32_t odd) SMELT_FN {
    const svbool_t all = svptrue_b32();
    return svreinterpret_u8(svcvtnt_f16_x(svcvt_f16_x(all, even), all, odd));
  }
};
struct ToBF16 {
  static SMELT_INLINE svuint8_t narrow(svfloat32_t even, svfloat32_t odd) SMELT_FN {
    const svbool_t all = svptrue_b32();
    return svreinterpret_u8(svcvtnt_bf16_x(svcvt_bf16_x(all, even), all, odd));
  }
};

/// One vector of each of up to 4 vl rows: row r of tile t comes from row t x vl + r.
template <class From>
SMELT_INLINE void load_four_tiles(const WordPanel& w, const std::byte* data, size_t bytes)
    SMELT_FN {
  const size_t vl = svcntw(), tile = vl * w.row_stride;
  uint32_t slice = 0;
  if (w.rows == 4 * vl) {
    for (size_t n = vl; n != 0; --n, data += w.row_stride, slice = next_slices(slice, 4)) {
      From::load(slice, data, bytes);
      From::load(slice + 1, data + tile, bytes);
      From::load(slice + 2, data + 2 * tile, bytes);
      From::load(slice + 3, data + 3 * tile, bytes);
    }
    return;
  }
  for (size_t r = 0; r < w.rows; ++r, data += w.row_stride)
    From::load(uint32_t(r % vl * 4 + r / vl), data, bytes);
}

/// The first `count` columns of all tiles, side by side.
SMELT_INLINE void store_four_tiles(size_t count, std::byte* out) SMELT_FN {
  const svbool_t all = svptrue_b32();
  const size_t vector = vector_bytes();
  uint32_t column = 0;
  for (; count != 0; --count, column = next_slices(column, 1), out += 4 * vector) {
    svst1_ver_za32(0, column, all, out);
    svst1_ver_za32(1, column, all, out + vector);
    svst1_ver_za32(2, column, all, out + 2 * vector);
    svst1_ver_za32(3, column, all, out + 3 * vector);
  }
}

/// The sums of each row's int8 elements, from the panel that has just been written.
SMELT_INLINE void sum_rows(const std::byte* panel, size_t groups, int32_t* sums) SMELT_FN {
  const svint8_t one = svdup_s8(1);
  const size_t vl = svcntw();
  svint32_t s0 = svdup_s32(0), s1 = s0, s2 = s0, s3 = s0;
  for (; groups != 0; --groups, panel += 16 * vl) {
    const svint8x4_t v = svreinterpret_s8(load4<0>(panel));
    s0 = svdot(s0, svget4(v, 0), one);
    s1 = svdot(s1, svget4(v, 1), one);
    s2 = svdot(s2, svget4(v, 2), one);
    s3 = svdot(s3, svget4(v, 3), one);
  }
  const svbool_t all = svptrue_b32();
  svst1(all, sums, s0);
  svst1(all, sums + vl, s1);
  svst1(all, sums + 2 * vl, s2);
  svst1(all, sums + 3 * vl, s3);
}

template <class From>
SMELT_INLINE void transpose_panel(const WordPanel& w) SMELT_FN {
  const size_t vector = svcntb();
  if (w.rows < 4 * svcntw()) svzero_za();
  std::byte* out = w.out;
  for (size_t t = 0; t < w.taps; ++t) {
    const std::byte* data = w.data + (w.tap_offset == nullptr ? 0 : w.tap_offset[t] * w.tap_unit);
    for (size_t skip = 0; skip < w.bytes; skip += vector) {
      const size_t left = w.bytes - skip, words = left < vector ? (left + 3) / 4 : vector / 4;
      load_four_tiles<From>(w, data + skip * From::kTimes, left);
      store_four_tiles(words, out);
      out += words * 4 * vector;
    }
  }
  if (w.sums != nullptr) sum_rows(w.out, size_t(out - w.out) / (4 * vector), w.sums);
}

SMELT_INLINE void store_four(std::byte* p, Bytes4 v) SMELT_FN {
  const size_t vector = svcntb();
  uint8_t* o = reinterpret_cast<uint8_t*>(p);
  const svbool_t all = svptrue_b8();
  svst1(all, o, svget4(v, 0));
  svst1(all, o + vector, svget4(v, 1));
  svst1(all, o + 2 * vector, svget4(v, 2));
  svst1(all, o + 3 * vector, svget4(v, 3));
}

// ---- panels of lines of k -----------------------------------------------------------------------
// The words of 4 vl columns are their elements of 4 / element lines, side by side.

SMELT_INLINE svuint8_t line_vector(const LinePanel& w, const std::byte* line, size_t vector,
                                   bool exists) SMELT_FN {
  const size_t begin = vector * svcntb(), end = exists ? w.columns * w.element : 0;
  return svld1(svwhilelt_b8(uint64_t(begin), uint64_t(end)),
               reinterpret_cast<const uint8_t*>(line + (exists ? begin : 0)));
}

template <size_t kElement>
SMELT_INLINE Bytes4 zip_group(const LinePanel& w, const std::byte* line, size_t lines) SMELT_FN {
  const size_t stride = w.line_stride;
  if constexpr (kElement == 4) {
    return svcreate4(line_vector(w, line, 0, true), line_vector(w, line, 1, true),
                     line_vector(w, line, 2, true), line_vector(w, line, 3, true));
  } else if constexpr (kElement == 2) {
    const auto load = [&](size_t x, size_t vector) SMELT_FN {
      return svreinterpret_u16(
          line_vector(w, x < lines ? line + x * stride : line, vector, x < lines));
    };
    const svuint16_t a0 = load(0, 0), a1 = load(0, 1), b0 = load(1, 0), b1 = load(1, 1);
    return svcreate4(svreinterpret_u8(svzip1(a0, b0)), svreinterpret_u8(svzip2(a0, b0)),
                     svreinterpret_u8(svzip1(a1, b1)), svreinterpret_u8(svzip2(a1, b1)));
  } else {
    const auto load = [&](size_t x) SMELT_FN {
      return line_vector(w, x < lines ? line + x * stride : line, 0, x < lines);
    };
    const svuint8_t a = load(0), b = load(1), c = load(2), d = load(3);
    const svuint16_t ab0 = svreinterpret_u16(svzip1(a, b)), ab1 = svreinterpret_u16(svzip2(a, b));
    const svuint16_t cd0 = svreinterpret_u16(svzip1(c, d)), cd1 = svreinterpret_u16(svzip2(c, d));
    return svcreate4(svreinterpret_u8(svzip1(ab0, cd0)), svreinterpret_u8(svzip2(ab0, cd0)),
                     svreinterpret_u8(svzip1(ab1, cd1)), svreinterpret_u8(svzip2(ab1, cd1)));
  }
}

template <size_t kElement>
SMELT_INLINE void zip_elements(const LinePanel& w) SMELT_FN {
  constexpr size_t kr = 4 / kElement;
  const size_t group = 4 * vector_bytes();
  std::byte* out = w.out;
  for (size_t t = 0; t < w.taps; ++t) {
    const std::byte* line = w.data + (w.tap_offset == nullptr ? 0 : w.tap_offset[t] * kElement);
    for (size_t n = w.lines / kr; n != 0; --n, line += kr * w.line_stride, out += group)
      store_four(out, zip_group<kElement>(w, line, kr));
    if (w.lines % kr == 0) continue;
    store_four(out, zip_group<kElement>(w, line, w.lines % kr));
    out += group;
  }
  if (w.sums != nullptr) sum_rows(w.out, size_t(out - w.out) / group, w.sums);
}

SMELT_INLINE void zip_lines(const LinePanel& w) SMELT_FN {
  if (w.element == 4) return zip_elements<4>(w);
  if (w.element == 2) return zip_elements<2>(w);
  zip_elements<1>(w);
}

}  // namespace
}  // namespace smelt
