// Lines to columns in registers: interleaving is what ST2 and ST4 do.
#include <arm_neon.h>

#include "kernels/compiler.h"
#include "kernels/pack/sources_neon.h"
#include "kernels/pack/unit_lines.h"

namespace smelt {

namespace {

// ---- 16 bytes of each of kKr lines, side by side; store_half(): their first 8 bytes alone

template <size_t kElement, size_t kKr>
struct Interleave;

template <size_t kElement>
struct Interleave<kElement, 1> {
  static SMELT_INLINE void store(uint8_t* out, const uint8x16_t (&v)[1]) { vst1q_u8(out, v[0]); }
  static SMELT_INLINE void store_half(uint8_t* out, const uint8x16_t (&v)[1]) {
    vst1_u8(out, vget_low_u8(v[0]));
  }
};

template <>
struct Interleave<1, 4> {
  static SMELT_INLINE void store(uint8_t* out, const uint8x16_t (&v)[4]) {
    const uint8x16x4_t x{{v[0], v[1], v[2], v[3]}};
    vst4q_u8(out, x);
  }
  static SMELT_INLINE void store_half(uint8_t* out, const uint8x16_t (&v)[4]) {
    uint8x8x4_t x;
    SMELT_UNROLL for (int i = 0; i < 4; ++i) x.val[i] = vget_low_u8(v[i]);
    vst4_u8(out, x);
  }
};

template <>
struct Interleave<2, 4> {
  static SMELT_INLINE void store(uint8_t* out, const uint8x16_t (&v)[4]) {
    uint16x8x4_t x;
    SMELT_UNROLL for (int i = 0; i < 4; ++i) x.val[i] = vreinterpretq_u16_u8(v[i]);
    vst4q_u16(reinterpret_cast<uint16_t*>(out), x);
  }
};

/// Bytes of neighbouring lines are paired first.
template <>
struct Interleave<1, 8> {
  static SMELT_INLINE void store(uint8_t* out, const uint8x16_t (&v)[8]) {
    store_half(out, v);
    uint16x8x4_t x;
    SMELT_UNROLL for (int i = 0; i < 4; ++i) x.val[i] =
        vreinterpretq_u16_u8(vzip2q_u8(v[2 * i], v[2 * i + 1]));
    vst4q_u16(reinterpret_cast<uint16_t*>(out + 64), x);
  }
  static SMELT_INLINE void store_half(uint8_t* out, const uint8x16_t (&v)[8]) {
    uint16x8x4_t x;
    SMELT_UNROLL for (int i = 0; i < 4; ++i) x.val[i] =
        vreinterpretq_u16_u8(vzip1q_u8(v[2 * i], v[2 * i + 1]));
    vst4q_u16(reinterpret_cast<uint16_t*>(out), x);
  }
};

// ---- the loops

/// Sums of 16 columns of int8. Up to 256 lines fit 16 bits.
struct ColumnSums {
  static constexpr size_t kLines = 256;
  template <size_t kBytes>
  SMELT_INLINE void add(uint8x16_t v) {
    lo = vaddw_s8(lo, vget_low_s8(vreinterpretq_s8_u8(v)));
    if constexpr (kBytes != 8) hi = vaddw_high_s8(hi, vreinterpretq_s8_u8(v));
  }
  SMELT_INLINE void add_to(int32_t* sums, size_t columns) const {
    int16_t all[16];
    vst1q_s16(all, lo);
    vst1q_s16(all + 8, hi);
    SMELT_KEEP_LOOP for (size_t i = 0; i < columns; ++i) sums[i] =
        int32_t(uint32_t(sums[i]) + uint32_t(int32_t(all[i])));
  }
  int16x8_t lo = vdupq_n_s16(0), hi = vdupq_n_s16(0);
};

template <class Source, size_t kElement, size_t kKr>
struct Mover {
  using Raw = typename Source::Raw;
  static constexpr size_t kColumns = 16 / kElement;
  static constexpr size_t kSourceElement = kElement * Source::kInBytes / 16;
  static constexpr bool kSums = kElement == 1;
  static constexpr size_t kHalf =
      kElement == 1 ? 8 : 0;  ///< panels of 8 columns have half a vector of bytes

  static void run(const UnitLines& all) {
    UnitLines u = all;
    if constexpr (kKr == 1 && !kSums) {
      while (u.columns >= 4 * kColumns) columns<4>(u, 4 * kColumns);
      while (u.columns >= 2 * kColumns) columns<2>(u, 2 * kColumns);
    }
    while (u.columns >= kColumns) columns<1>(u, kColumns);
    if (kHalf != 0 && u.columns >= kHalf) columns<1>(u, kHalf);
    if (u.columns != 0) columns<1>(u, u.columns);
  }

 private:
  /// The first `count` columns, and then `u` is the others: kVectors whole vectors, half a vector
  /// of bytes, or fewer.
  template <size_t kVectors>
  static void columns(UnitLines& u, size_t count) {
    if (count == kVectors * kColumns)
      vectors<kVectors, 16>(u, count);
    else if (count == kHalf)
      vectors<kVectors, kHalf>(u, count);
    else
      vectors<kVectors, 0>(u, count);
    u.columns -= count;
    u.in += count * kSourceElement;
    u.out += count * kKr * kElement;
    if (kSums) u.sums += count;
  }

  /// kBytes of each vector; 0: those of `count` columns.
  template <size_t kVectors, size_t kBytes>
  static SMELT_NOINLINE void vectors(const UnitLines& u, size_t count) {
    const std::byte* in = u.in;
    std::byte* out = u.out;
    for (size_t left = u.lines; left != 0;) {
      size_t lines = kSums && left > ColumnSums::kLines ? ColumnSums::kLines : left;
      left -= lines;
      ColumnSums sums;
      if constexpr (kKr == 1 && kBytes != 0) {
        SMELT_KEEP_LOOP for (; lines >= 4; lines -= 4) SMELT_UNROLL for (int i = 0; i < 4; ++i) {
          group<kVectors, kBytes, true>(in, u.in_stride, kKr, count, out, sums);
          out = moved(out, u.out_stride);
        }
      }
      SMELT_KEEP_LOOP for (; lines >= kKr; lines -= kKr) {
        group<kVectors, kBytes, true>(in, u.in_stride, kKr, count, out, sums);
        out = moved(out, u.out_stride);
      }
      if (lines != 0) group<kVectors, kBytes, false>(in, u.in_stride, lines, count, out, sums);
      if constexpr (kSums) sums.add_to(u.sums, count);
    }
  }

  template <size_t kVectors, size_t kBytes, bool kWhole>
  static SMELT_INLINE void group(const std::byte*& in, size_t stride, size_t lines, size_t count,
                                 std::byte* out, ColumnSums& sums) {
    uint8x16_t v[kVectors][kKr];
    SMELT_UNROLL for (size_t x = 0; x < kKr; ++x) {
      SMELT_UNROLL for (size_t j = 0; j < kVectors; ++j) {
        v[j][x] =
            kWhole || x < lines ? load<kBytes>(in + j * Source::kInBytes, count) : vdupq_n_u8(0);
        if constexpr (kSums) sums.template add<kBytes>(v[j][x]);
      }
      if (kWhole || x < lines) in = moved(in, stride);
    }
    SMELT_UNROLL for (size_t j = 0; j < kVectors; ++j)
        store<kBytes>(out + j * 16 * kKr, v[j], count);
  }

  template <size_t kBytes>
  static SMELT_INLINE uint8x16_t load(const std::byte* p, size_t count) {
    if constexpr (kBytes == 16) return Source::packed(Source::load(p));
    std::byte copy[Source::kInBytes] = {};
    if constexpr (kBytes == 8)
      __builtin_memcpy(copy, p, Source::kInBytes / 2);
    else
      SMELT_KEEP_LOOP for (size_t b = 0; b < count * kSourceElement; ++b) copy[b] = p[b];
    return Source::packed(Source::load(copy));
  }

  template <size_t kBytes>
  static SMELT_INLINE void store(std::byte* out, const uint8x16_t (&v)[kKr], size_t count) {
    using To = Interleave<kElement, kKr>;
    auto* bytes = reinterpret_cast<uint8_t*>(out);
    if constexpr (kBytes == 16) {
      To::store(bytes, v);
    } else if constexpr (kBytes == 8) {
      To::store_half(bytes, v);
    } else {
      uint8_t copy[16 * kKr];
      To::store(copy, v);
      SMELT_KEEP_LOOP for (size_t b = 0; b < count * kKr * kElement; ++b) bytes[b] = copy[b];
    }
  }
};

template <class Source>
MoveLines* mover_of_halves(size_t kr) {
  return kr == 1 ? Mover<Source, 2, 1>::run : kr == 4 ? Mover<Source, 2, 4>::run : nullptr;
}

}  // namespace

MoveLines* line_mover_neon(const PackLayout& layout, DType source) {
  if (source == DType::kF32 && layout.elem == DType::kF16)
    return mover_of_halves<Narrowed<Half>>(layout.kr);
  if (source == DType::kF32 && layout.elem == DType::kBF16)
    return mover_of_halves<Narrowed<BFloat16>>(layout.kr);
  if (source != layout.elem) return nullptr;
  switch (layout.elem) {
    case DType::kF32:
      return layout.kr == 1 ? Mover<AsItIs, 4, 1>::run : nullptr;
    case DType::kF16:
    case DType::kBF16:
      return mover_of_halves<AsItIs>(layout.kr);
    case DType::kS8:
      return layout.kr == 1   ? Mover<AsItIs, 1, 1>::run
             : layout.kr == 4 ? Mover<AsItIs, 1, 4>::run
             : layout.kr == 8 ? Mover<AsItIs, 1, 8>::run
                              : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace smelt
