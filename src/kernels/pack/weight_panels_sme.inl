// Packs panels of 4 vl rows of weights: transposed through ZA, or zipped where columns are runs of
// memory.
#include "kernels/pack/words.h"

namespace smelt {
namespace {

/// The slice after some rows; see next_rows() in gemm/sums_sme.inl.
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

// ---- panels of 16 bits of each row: two tiles of 16-bit elements --------------------------------
// Row r of tile t is vector 2r + t of the ZA array, and holds row t x 2 vl + r of the panel.

SMELT_INLINE void load_half_tiles(const std::byte* data, size_t row_stride, size_t rows,
                                  size_t bytes) SMELT_FN {
  const size_t height = svcnth();
  const svbool_t p = svwhilelt_b8(uint64_t(0), uint64_t(bytes));
  uint32_t slice = 0;
  if (rows == 2 * height) {
    for (size_t n = height / 2; n != 0;
         --n, data += 2 * row_stride, slice = next_slices(slice, 4)) {
      const std::byte* next = data + height * row_stride;
      svld1_hor_za8(0, slice, p, data);
      svld1_hor_za8(0, slice + 1, p, next);
      svld1_hor_za8(0, slice + 2, p, data + row_stride);
      svld1_hor_za8(0, slice + 3, p, next + row_stride);
    }
    return;
  }
  for (size_t r = 0; r < rows; ++r, data += row_stride)
    svld1_hor_za8(0, uint32_t(r % height * 2 + r / height), p, data);
}

/// `count` columns of both tiles, side by side, from column `column` on; `step` bytes from column
/// to column.
SMELT_INLINE void store_half_tiles(uint32_t column, size_t count, std::byte* out, size_t step)
    SMELT_FN {
  const svbool_t all = svptrue_b16();
  const size_t vector = vector_bytes();
  for (; count != 0; --count, column = next_slices(column, 1), out += step) {
    svst1_ver_za16(0, column, all, out);
    svst1_ver_za16(1, column, all, out + vector);
  }
}

SMELT_INLINE void fill_za(svuint8_t v) SMELT_FN {
  for (uint32_t slice = 0; slice < 4 * uint32_t(svcntw()); slice += 4)
    write_row(slice, svcreate4(v, v, v, v));
}

/// 4 vl sums of (stored - 8) over some groups, as integers.
SMELT_INLINE Int4 sum_nibbles(const std::byte* packed, size_t groups) SMELT_FN {
  const svbool_t all = svptrue_b8();
  const size_t vector = vector_bytes();
  svuint16_t s0 = svdup_u16(0), s1 = s0;
  for (size_t n = groups; n != 0; --n, packed += 2 * vector) {
    const svuint8x2_t v = load2<0>(packed);
    s0 = svadalp_x(all, s0,
                   svadd_x(all, svand_x(all, svget2(v, 0), 15), svlsr_x(all, svget2(v, 0), 4)));
    s1 = svadalp_x(all, s1,
                   svadd_x(all, svand_x(all, svget2(v, 1), 15), svlsr_x(all, svget2(v, 1), 4)));
  }
  const svint32_t offset = svdup_s32(-32 * int32_t(groups));
  return add4(svcreate4(svreinterpret_s32(svunpklo(s0)), svreinterpret_s32(svunpkhi(s0)),
                        svreinterpret_s32(svunpklo(s1)), svreinterpret_s32(svunpkhi(s1))),
              offset);
}

SMELT_INLINE Int4 plus(Int4 v, Int4 w) SMELT_FN {
  const svbool_t p = svptrue_b32();
  return svcreate4(svadd_x(p, svget4(v, 0), svget4(w, 0)), svadd_x(p, svget4(v, 1), svget4(w, 1)),
                   svadd_x(p, svget4(v, 2), svget4(w, 2)), svadd_x(p, svget4(v, 3), svget4(w, 3)));
}
SMELT_INLINE Float4 plus(Float4 v, Float4 w) SMELT_FN {
  const svbool_t p = svptrue_b32();
  return svcreate4(svadd_x(p, svget4(v, 0), svget4(w, 0)), svadd_x(p, svget4(v, 1), svget4(w, 1)),
                   svadd_x(p, svget4(v, 2), svget4(w, 2)), svadd_x(p, svget4(v, 3), svget4(w, 3)));
}

/// Two vectors of bfloat16 to floats.
SMELT_INLINE Float4 widen_in_order(svuint8_t v, svuint8_t w) SMELT_FN {
  const svuint16_t zero = svdup_u16(0), lo = svreinterpret_u16(v), hi = svreinterpret_u16(w);
  return svcreate4(svreinterpret_f32(svzip1(zero, lo)), svreinterpret_f32(svzip2(zero, lo)),
                   svreinterpret_f32(svzip1(zero, hi)), svreinterpret_f32(svzip2(zero, hi)));
}

SMELT_INLINE void transpose_nibbles(const NibblePanel& w) SMELT_FN {
  const size_t height = svcnth(), group = 2 * svcntb(), missing = 2 * height - w.rows;
  // A block's scales take as many bytes as a group.
  const size_t block = w.block_groups == 0 ? w.groups : w.block_groups;
  if (missing != 0) fill_za(svdup_u8(0x88));
  for (size_t t = 0; t < w.taps; ++t) {
    const std::byte* data = w.data + (w.tap_offset == nullptr ? 0 : w.tap_offset[t] / 2);
    std::byte* out = w.out + t * w.groups * group;
    for (size_t g0 = 0; g0 < w.groups; g0 += height) {
      const size_t end = w.groups - g0 < height ? w.groups : g0 + height;
      load_half_tiles(data + 2 * g0, w.row_stride, w.rows, 2 * (end - g0));
      for (size_t g = g0; g < end;) {
        const size_t rest = block - g % block, run = rest < end - g ? rest : end - g;
        store_half_tiles(uint32_t(g - g0), run, out + (g + g / block) * group, group);
        g += run;
      }
    }
  }
  if (w.block_groups != 0) {
    if (missing != 0) svzero_za();
    const size_t blocks = w.groups / block;
    for (size_t b0 = 0; b0 < blocks; b0 += height) {
      const size_t count = blocks - b0 < height ? blocks - b0 : height;
      load_half_tiles(w.scales + 2 * b0, w.scale_stride, w.rows, 2 * count);
      store_half_tiles(0, count, w.out + (b0 * (block + 1) + block) * group, (block + 1) * group);
    }
  }

  // 16-bit sums of up to 60 per group hold 1092 groups.
  Int4 sums = svreinterpret_s32(dup4(svdup_f32(0)));
  Float4 scaled = dup4(svdup_f32(0));
  const size_t groups = w.taps * w.groups, stretch = w.block_groups == 0 ? groups : block;
  const size_t step = stretch < 1024 ? stretch : 1024;
  for (size_t g = 0; g < groups;) {
    const size_t rest = stretch - g % stretch, run = rest < step ? rest : step;
    const std::byte* packed = w.out + (g + (w.block_groups == 0 ? 0 : g / block)) * group;
    const Int4 part = sum_nibbles(packed, run);
    sums = plus(sums, part);
    if (w.block_groups != 0) {
      const svuint8x2_t scales = load2<0>(w.out + (g / block * (block + 1) + block) * group);
      scaled =
          plus(scaled, mul4(to_float4(part), widen_in_order(svget2(scales, 0), svget2(scales, 1))));
    }
    g += run;
  }
  store_four(reinterpret_cast<std::byte*>(w.sums), svreinterpret_u8(sums));
  if (w.block_groups != 0)
    store_four(reinterpret_cast<std::byte*>(w.scaled_sums), svreinterpret_u8(scaled));
}

}  // namespace
}  // namespace smelt
