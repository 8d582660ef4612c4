// Rows to columns in registers: 4 or 8 rows are loaded, converted, and stored a unit of each at a
// time. ST4 stores one lane of four registers side by side, which is the last and widest step of a
// transposition.
#include <arm_neon.h>

#include "kernels/compiler.h"
#include "kernels/pack/sources_neon.h"
#include "kernels/pack/unit_rows.h"

namespace smelt {

namespace {

// ---- what is loaded: see sources_neon.h
//
// With sums, add_rows() adds the elements of four rows, one to a lane, and excess(bytes of the
// panel) to each.

/// Elements without sums.
template <class Source>
struct Plain : Source {
  static constexpr bool kSums = false, kBlocks = false;
};

struct Int8 : AsItIs {
  static constexpr bool kSums = true, kBlocks = false;
  static int32_t excess(size_t) { return 0; }
  static SMELT_INLINE int16x8_t pairs(Raw x) { return vpaddlq_s8(vreinterpretq_s8_u8(x)); }
  static SMELT_INLINE int32x4_t add_rows(int32x4_t sums, const Raw (&x)[4]) {
    const int16x8_t a = vpaddq_s16(pairs(x[0]), pairs(x[1])),
                    b = vpaddq_s16(pairs(x[2]), pairs(x[3]));
    return vpadalq_s16(sums, vpaddq_s16(a, b));
  }
};

/// Nibbles n to signed ones: of each kWord bytes, byte b has n[b] low and n[b + kWord] high. Two
/// vectors are packed together: `first` gets the bytes with n[0 … kWord - 1] of both, `second` the
/// others, and then
///
///   low and low  of a byte of each  ->  even bytes,     high and high  ->  odd bytes
template <size_t kWord>
struct Nibbles : AsItIs {
  static constexpr bool kSums = true, kBlocks = true;
  /// Nibbles of the source are 8 more than their value.
  static int32_t excess(size_t bytes) { return int32_t(uint32_t(bytes) * 16); }

  static SMELT_INLINE void pack_two(Raw a, Raw b, uint8x16_t& packed_a, uint8x16_t& packed_b) {
    const uint8x16_t sign = vdupq_n_u8(0x88), x = veorq_u8(a, sign), y = veorq_u8(b, sign);
    packed_a = x;
    packed_b = y;
    if constexpr (kWord == 1) return;
    uint8x16_t first, second;
    if constexpr (kWord == 4) {
      const uint16x8_t x2 = vreinterpretq_u16_u8(x), y2 = vreinterpretq_u16_u8(y);
      first = vreinterpretq_u8_u16(vuzp1q_u16(x2, y2));
      second = vreinterpretq_u8_u16(vuzp2q_u16(x2, y2));
    } else {
      const uint32x4_t x4 = vreinterpretq_u32_u8(x), y4 = vreinterpretq_u32_u8(y);
      first = vreinterpretq_u8_u32(vuzp1q_u32(x4, y4));
      second = vreinterpretq_u8_u32(vuzp2q_u32(x4, y4));
    }
    const uint8x16_t even = vsliq_n_u8(first, second, 4), odd = vsriq_n_u8(second, first, 4);
    packed_a = vzip1q_u8(even, odd);
    packed_b = vzip2q_u8(even, odd);
  }

  static SMELT_INLINE uint8x16_t pairs(Raw x) {
    return vsraq_n_u8(vandq_u8(x, vdupq_n_u8(15)), x, 4);
  }
  static SMELT_INLINE int32x4_t add_rows(int32x4_t sums, const Raw (&x)[4]) {
    const uint8x16_t a = vpaddq_u8(pairs(x[0]), pairs(x[1])),
                     b = vpaddq_u8(pairs(x[2]), pairs(x[3]));
    return vreinterpretq_s32_u32(
        vpadalq_u16(vreinterpretq_u32_s32(sums), vpaddlq_u8(vpaddq_u8(a, b))));
  }
};

// ---- how 16 bytes of each row become columns: kRows rows together

/// Lane kLane … of four registers, one after the other.
template <int kLane = 0>
SMELT_INLINE std::byte* store_words(std::byte* out, size_t stride, const uint32x4x4_t& v) {
  vst4q_lane_u32(reinterpret_cast<uint32_t*>(out), v, kLane);
  out = moved(out, stride);
  if constexpr (kLane < 3) return store_words<kLane + 1>(out, stride, v);
  return out;
}
template <int kLane = 0>
SMELT_INLINE std::byte* store_halves(std::byte* out, size_t stride, const uint16x8x4_t& v) {
  vst4q_lane_u16(reinterpret_cast<uint16_t*>(out), v, kLane);
  out = moved(out, stride);
  if constexpr (kLane < 7) return store_halves<kLane + 1>(out, stride, v);
  return out;
}

template <size_t kUnit>
struct Columns;

template <>
struct Columns<8> {
  static constexpr int kRows = 4;
  static SMELT_INLINE std::byte* store(std::byte* out, size_t stride, const uint8x16_t (&v)[4]) {
    uint64x2x4_t x;
    SMELT_UNROLL for (int i = 0; i < 4; ++i) x.val[i] = vreinterpretq_u64_u8(v[i]);
    vst4q_lane_u64(reinterpret_cast<uint64_t*>(out), x, 0);
    out = moved(out, stride);
    vst4q_lane_u64(reinterpret_cast<uint64_t*>(out), x, 1);
    return moved(out, stride);
  }
};

template <>
struct Columns<4> {
  static constexpr int kRows = 4;
  static SMELT_INLINE std::byte* store(std::byte* out, size_t stride, const uint8x16_t (&v)[4]) {
    uint32x4x4_t x;
    SMELT_UNROLL for (int i = 0; i < 4; ++i) x.val[i] = vreinterpretq_u32_u8(v[i]);
    return store_words(out, stride, x);
  }
};

/// Neighbouring rows are paired first.
template <>
struct Columns<2> {
  static constexpr int kRows = 8;
  static SMELT_INLINE std::byte* store(std::byte* out, size_t stride, const uint8x16_t (&v)[8]) {
    uint32x4x4_t low, high;
    SMELT_UNROLL for (int i = 0; i < 4; ++i) {
      const uint16x8_t a = vreinterpretq_u16_u8(v[2 * i]), b = vreinterpretq_u16_u8(v[2 * i + 1]);
      low.val[i] = vreinterpretq_u32_u16(vzip1q_u16(a, b));
      high.val[i] = vreinterpretq_u32_u16(vzip2q_u16(a, b));
    }
    return store_words(store_words(out, stride, low), stride, high);
  }
};
template <>
struct Columns<1> {
  static constexpr int kRows = 8;
  static SMELT_INLINE std::byte* store(std::byte* out, size_t stride, const uint8x16_t (&v)[8]) {
    uint16x8x4_t low, high;
    SMELT_UNROLL for (int i = 0; i < 4; ++i) {
      low.val[i] = vreinterpretq_u16_u8(vzip1q_u8(v[2 * i], v[2 * i + 1]));
      high.val[i] = vreinterpretq_u16_u8(vzip2q_u8(v[2 * i], v[2 * i + 1]));
    }
    return store_halves(store_halves(out, stride, low), stride, high);
  }
};

// ---- the loops

template <class Source, size_t kUnit>
struct Mover {
  using Raw = typename Source::Raw;

  static void run(const UnitRows& all) {
    const UnitRows u = all;  // a copy, which stores to the panel cannot change
    constexpr size_t together = Columns<kUnit>::kRows;
    size_t r = 0;
    for (; r + together <= u.rows; r += together) rows<together>(u, r);
    for (; r < u.rows; ++r) rows<1>(u, r);
  }

 private:
  /// Of four rows in a register; a row by itself is there four times.
  template <size_t kR>
  struct Sums {
    SMELT_INLINE void add(const Raw (&x)[kR]) {
      if constexpr (Source::kSums) {
        SMELT_UNROLL for (size_t q = 0; q < kR; q += 4) {
          const Raw four[4] = {x[q], x[(q + 1) % kR], x[(q + 2) % kR], x[(q + 3) % kR]};
          of[q / 4] = Source::add_rows(of[q / 4], four);
        }
      }
    }
    int32x4_t of[(kR + 3) / 4] = {};
  };

  /// Rows [r, r + kR).
  template <size_t kR>
  static SMELT_INLINE void rows(const UnitRows& u, size_t r) {
    const std::byte* in[kR];
    SMELT_UNROLL for (size_t i = 0; i < kR; ++i) in[i] = moved(u.in, (r + i) * u.in_stride);
    std::byte* out = u.out + r * kUnit;
    if (u.blocks.bytes != 0) {
      if constexpr (Source::kBlocks) blocks<kR>(u, r, in, out);
      return;
    }
    Sums<kR> sums;
    move<kR>(in, u.bytes, out, u.out_stride, sums);
    if constexpr (Source::kSums) {
      if (u.sums == nullptr) return;
      SMELT_UNROLL for (size_t i = 0; i < kR; ++i) {
        const uint32_t sum = uint32_t(sums.of[i / 4][i % 4]) - uint32_t(Source::excess(u.bytes));
        u.sums[r + i] = int32_t(uint32_t(u.sums[r + i]) + sum);
      }
    }
  }

  template <size_t kR>
  static SMELT_INLINE void blocks(const UnitRows& u, size_t r, const std::byte* (&in)[kR],
                                  std::byte* out) {
    const UnitBlocks b = u.blocks;
    const std::byte* scale[kR];
    SMELT_UNROLL for (size_t i = 0; i < kR; ++i) scale[i] = b.scales + (r + i) * b.scale_stride;
    std::byte* scale_out = b.out + r * 2;
    float32x4_t scaled[(kR + 3) / 4] = {};
    const int32x4_t less = vdupq_n_s32(-Source::excess(b.bytes));
    SMELT_KEEP_LOOP for (size_t left = u.bytes; left != 0; left -= b.bytes) {
      Sums<kR> sums;
      SMELT_UNROLL for (auto& sum : sums.of) sum = less;
      std::byte* o = out;
      size_t bytes = b.bytes;
      SMELT_KEEP_LOOP do o = step<kR, 1>(in, o, u.out_stride, sums);
      while ((bytes -= 16) != 0);
      out += b.out_stride;
      SMELT_UNROLL for (size_t q = 0; q < kR; q += 4) {
        const uint16x4_t bf16 = next_scales < kR<4 ? 1 : 4>(scale + q);
        __builtin_memcpy(scale_out + q * 2, &bf16, kR < 4 ? kR * 2 : 8);
        const float32x4_t factor = vreinterpretq_f32_u32(vshll_n_u16(bf16, 16));
        const float32x4_t sum = vcvtq_f32_s32(sums.of[q / 4]);
        scaled[q / 4] = vaddq_f32(scaled[q / 4], vmulq_f32(factor, sum));
      }
      scale_out += b.out_stride;
    }
    SMELT_UNROLL for (size_t i = 0; i < kR; ++i) b.scaled_sums[r + i] += scaled[i / 4][i % 4];
  }

  template <size_t kR>
  static SMELT_INLINE uint16x4_t next_scales(const std::byte** p) {
    const auto bits = [&](size_t i) SMELT_INLINE_LAMBDA {
      const auto* scale = reinterpret_cast<const uint16_t*>(p[i]);
      p[i] = moved(p[i], 2);
      return scale;
    };
    uint16x4_t v = vld1_dup_u16(bits(0));
    if constexpr (kR == 4) {
      v = vld1_lane_u16(bits(1), v, 1);
      v = vld1_lane_u16(bits(2), v, 2);
      v = vld1_lane_u16(bits(3), v, 3);
    }
    return v;
  }

  /// `bytes` of each row.
  template <size_t kR>
  static SMELT_INLINE void move(const std::byte* (&in)[kR], size_t bytes, std::byte* out,
                                size_t stride, Sums<kR>& sums) {
    // Neighbouring vectors are loaded in pairs.
    if constexpr (kR > 1 && !Source::kSums && Source::kInBytes == 16)
      out = vectors<kR, 2>(in, bytes, out, stride, sums);
    out = vectors<kR, 1>(in, bytes, out, stride, sums);
    if (bytes != 0) last<kR>(in, bytes, out, stride, sums);
  }

  /// As many times kVectors as there are; `in` and `bytes` are what remains.
  template <size_t kR, size_t kVectors>
  static SMELT_INLINE std::byte* vectors(const std::byte* (&in)[kR], size_t& bytes, std::byte* out,
                                         size_t stride, Sums<kR>& sums) {
    SMELT_KEEP_LOOP for (; bytes >= kVectors * 16; bytes -= kVectors * 16) out =
        step<kR, kVectors>(in, out, stride, sums);
    return out;
  }

  template <size_t kR, size_t kVectors>
  static SMELT_INLINE std::byte* step(const std::byte* (&in)[kR], std::byte* out, size_t stride,
                                      Sums<kR>& sums) {
    Raw x[kVectors][kR];
    SMELT_UNROLL for (size_t i = 0; i < kR; ++i) {
      SMELT_UNROLL for (size_t v = 0; v < kVectors; ++v) x[v][i] =
          Source::load(in[i] + v * Source::kInBytes);
      in[i] = moved(in[i], kVectors * Source::kInBytes);
    }
    SMELT_UNROLL for (size_t v = 0; v < kVectors; ++v) {
      sums.add(x[v]);
      uint8x16_t packed[kR];
      pack(x[v], packed);
      if constexpr (kR == 1)
        out = scatter(packed[0], 16, out, stride);
      else
        out = Columns<kUnit>::store(out, stride, packed);
    }
    return out;
  }

  template <size_t kR>
  static SMELT_INLINE void pack(const Raw (&x)[kR], uint8x16_t (&packed)[kR]) {
    SMELT_UNROLL for (size_t i = 0; i < kR; ++i) {
      if constexpr (!Source::kBlocks)
        packed[i] = Source::packed(x[i]);
      else if (i % 2 == 0)
        Source::pack_two(x[i], x[(i + 1) % kR], packed[i], packed[(i + 1) % kR]);
    }
  }

  /// Less than a vector.
  template <size_t kR>
  static SMELT_INLINE void last(const std::byte* const (&in)[kR], size_t bytes, std::byte* out,
                                size_t stride, Sums<kR>& sums) {
    Raw x[kR];
    SMELT_UNROLL for (size_t i = 0; i < kR; ++i) {
      std::byte copy[Source::kInBytes] = {};
      SMELT_KEEP_LOOP for (size_t b = 0; b < bytes * Source::kInBytes / 16; ++b) copy[b] = in[i][b];
      x[i] = Source::load(copy);
    }
    sums.add(x);
    uint8x16_t packed[kR];
    pack(x, packed);
    SMELT_UNROLL for (size_t i = 0; i < kR; ++i) scatter(packed[i], bytes, out + i * kUnit, stride);
  }

  static SMELT_INLINE std::byte* scatter(uint8x16_t v, size_t bytes, std::byte* out,
                                         size_t stride) {
    uint8_t copy[16];
    vst1q_u8(copy, v);
    SMELT_KEEP_LOOP for (size_t at = 0; at < bytes; at += kUnit, out += stride) {
      if (bytes - at >= kUnit)
        __builtin_memcpy(out, copy + at, kUnit);
      else
        SMELT_KEEP_LOOP for (size_t b = at; b < bytes; ++b) out[b - at] = std::byte(copy[b]);
    }
    return out;
  }
};

template <class Source>
MoveRows* with_unit(size_t unit) {
  switch (unit) {
    case 1:
      return Mover<Source, 1>::run;
    case 2:
      return Mover<Source, 2>::run;
    case 4:
      return Mover<Source, 4>::run;
    default:
      return Mover<Source, 8>::run;
  }
}

}  // namespace

MoveRows* row_mover_neon(const PackLayout& layout, DType source) {
  const size_t unit = layout.kr * layout_bits(layout.elem) / 8;
  if (layout.elem == DType::kU4) {
    if (!layout.signed_nibbles || layout.nibble_pairs) return nullptr;
    switch (layout.kr) {
      case 2:
        return Mover<Nibbles<1>, 1>::run;
      case 8:
        return Mover<Nibbles<4>, 4>::run;
      case 16:
        return Mover<Nibbles<8>, 8>::run;
      default:
        return nullptr;
    }
  }
  if (source == DType::kF32 && layout.elem == DType::kF16)
    return with_unit<Plain<Narrowed<Half>>>(unit);
  if (source == DType::kF32 && layout.elem == DType::kBF16)
    return with_unit<Plain<Narrowed<BFloat16>>>(unit);
  if (source != layout.elem) return nullptr;
  return source == DType::kS8 ? with_unit<Int8>(unit) : with_unit<Plain<AsItIs>>(unit);
}

}  // namespace smelt
