// Packs panels of 4 vl rows of 4-bit weights: transposes 16 bits of each row, four k, through two
// tiles of 16-bit elements. Row r of tile t is vector 2r + t of the ZA array, and holds row
// t x 2 vl + r of the panel.
#include "kernels/pack/weight_panels_sme.inl"

namespace smelt {
namespace {

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
