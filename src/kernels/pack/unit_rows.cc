#include "kernels/pack/unit_rows.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernels/pack/elements.h"
#include "kernels/pack/zip.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace smelt {

namespace {

// ---- transposing units of 1, 2, 4 or 8 bytes in the vectors that every machine has

// A square block.
template <class Unit>
void transpose_block(const std::byte* in, size_t in_stride, std::byte* out, size_t out_stride) {
  constexpr size_t kN = 16 / sizeof(Unit);
  Vector16<Unit> v[kN];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < kN; ++i) v[i] = load_unaligned<Vector16<Unit>>(in + i * in_stride);
  zip_all(v);
#pragma clang loop unroll(full)
  for (size_t i = 0; i < kN; ++i) store_unaligned(out + i * out_stride, v[i]);
}

// rows x columns units to columns x rows.
template <class Unit>
void transpose(const std::byte* in, size_t in_stride, size_t rows, size_t columns, std::byte* out,
               size_t out_stride) {
  constexpr size_t kN = 16 / sizeof(Unit), kUnit = sizeof(Unit);
  const auto copy = [&](size_t r, size_t c) {
    std::memcpy(out + c * out_stride + r * kUnit, in + r * in_stride + c * kUnit, kUnit);
  };
  // A line of the cache from some rows, then from the next: rows may lie so that all of their lines
  // have to share one set.
  constexpr size_t kLine = 64 / kUnit;
  const size_t whole = columns / kN * kN;
  for (size_t c0 = 0; c0 < whole; c0 += kLine) {
    const size_t end = std::min(c0 + kLine, whole);
    size_t r = 0;
    for (; r + kN <= rows; r += kN)
      for (size_t c = c0; c < end; c += kN)
        transpose_block<Unit>(in + r * in_stride + c * kUnit, in_stride,
                              out + c * out_stride + r * kUnit, out_stride);
    for (; r < rows; ++r)
      for (size_t c = c0; c < end; ++c) copy(r, c);
  }
  for (size_t c = whole; c < columns; ++c)
    for (size_t r = 0; r < rows; ++r) copy(r, c);
}

void transpose_units(size_t unit, const std::byte* in, size_t in_stride, size_t rows,
                     size_t columns, std::byte* out, size_t out_stride) {
  switch (unit) {
    case 1:
      return transpose<uint8_t>(in, in_stride, rows, columns, out, out_stride);
    case 2:
      return transpose<uint16_t>(in, in_stride, rows, columns, out, out_stride);
    case 4:
      return transpose<uint32_t>(in, in_stride, rows, columns, out, out_stride);
    default:
      return transpose<uint64_t>(in, in_stride, rows, columns, out, out_stride);
  }
}

// ---- what is done to elements on the way: the elements of a row, in order, become those of the
// panel's type

struct Copy {
  static constexpr bool kCopies = true;
};

template <class From, class To>
struct Convert {
  static constexpr bool kCopies = false;
  static size_t source_bytes(size_t bytes) {
    return bytes / To::kBytes * (layout_bits(From::kType) / 8);
  }
  static void run(const std::byte* in, size_t bytes, std::byte* out) {
    for (size_t i = 0; i < bytes / To::kBytes; ++i) To::put(out, i, 1, From::at(in, i));
  }
};

// Nibbles of the lower half of a word to the low halves of its bytes. Words of 32 bits and less
// stay what they are: loops over them become vectors.
template <class Word>
Word spread_nibbles(Word word) {
  constexpr uint64_t kHalf = (uint64_t(1) << 4 * sizeof(Word)) - 1;
  word = Word(word & kHalf);
  if constexpr (sizeof(Word) == 8) word = Word((word | word << 16) & 0x0000ffff0000ffff);
  if constexpr (sizeof(Word) >= 4) word = Word((word | word << 8) & 0x00ff00ff00ff00ff);
  return Word((word | word << 4) & 0x0f0f0f0f0f0f0f0f);
}

// The nibbles of a word in order, to bytes in each of which the high one is half a word after the
// low one; as they are, or less 8 in two's complement.
template <class Word, bool kSigned>
struct HalvesApart {
  static constexpr bool kCopies = false;
  static size_t source_bytes(size_t bytes) { return bytes; }
  static void run(const std::byte* in, size_t bytes, std::byte* out) {
    constexpr Word kInverted = Word(kSigned ? 0x8888888888888888 : 0);
    for (size_t i = 0; i < bytes; i += sizeof(Word)) {
      const Word word = load_unaligned<Word>(in + i);
      const Word low = spread_nibbles(word), high = spread_nibbles(Word(word >> 4 * sizeof(Word)));
      store_unaligned(out + i, Word((low | high << 4) ^ kInverted));
    }
  }
};

// ---- sums of the elements of a row, less their zero point

struct NoSum {};

using Bytes = Vector16<uint8_t>;

// Adds f(16 bytes) over the whole vectors of `bytes`; returns how many bytes that was.
template <class F>
size_t add_vectors(const std::byte* p, size_t bytes, uint32_t& sum, F f) {
  size_t i = 0;
#if defined(__SSE2__)
  // Every x86-64 has an instruction that adds bytes.
  __m128i sums = _mm_setzero_si128();
  for (; i + 16 <= bytes; i += 16)
    sums = _mm_add_epi64(
        sums, _mm_sad_epu8(__m128i(f(load_unaligned<Bytes>(p + i))), _mm_setzero_si128()));
  sum += uint32_t(_mm_cvtsi128_si32(sums)) +
         uint32_t(_mm_cvtsi128_si32(_mm_unpackhi_epi64(sums, sums)));
#else
  static_cast<void>(p), static_cast<void>(bytes), static_cast<void>(sum), static_cast<void>(f);
#endif
  return i;
}

struct SumS8 {
  static int32_t of(const std::byte* p, size_t bytes) {
    uint32_t sum = 0;
    // With its sign bit inverted, each is 128 more.
    size_t i = add_vectors(p, bytes, sum, [](Bytes v) { return v ^ 0x80; });
    sum -= 128 * uint32_t(i);
    for (; i < bytes; ++i) sum += uint32_t(int32_t(load_unaligned<int8_t>(p + i)));
    return int32_t(sum);
  }
};

struct SumU4 {
  static int32_t of(const std::byte* p, size_t bytes) {
    uint32_t sum = 0;
    size_t i = add_vectors(p, bytes, sum, [](Bytes v) { return (v & 15) + (v >> 4); });
    for (; i < bytes; ++i) {
      const uint8_t byte = load_unaligned<uint8_t>(p + i);
      sum += (byte & 15u) + (byte >> 4);
    }
    return int32_t(sum) - kU4Zero * 2 * int32_t(bytes);
  }
};

// ---- movers

// Bytes of a row that are converted at a time, into a buffer that stays in the nearest cache.
constexpr size_t kStretch = 512;

// `bytes` of each row.
template <class Change>
void move(const UnitRows& u, const std::byte* in, size_t bytes, std::byte* out) {
  const size_t units = bytes / u.unit, rest = bytes % u.unit, whole = bytes - rest;
  if constexpr (Change::kCopies) {
    transpose_units(u.unit, in, u.in_stride, u.rows, units, out, u.out_stride);
    for (size_t r = 0; rest != 0 && r < u.rows; ++r)
      std::memcpy(out + units * u.out_stride + r * u.unit, in + r * u.in_stride + whole, rest);
  } else {
    alignas(64) std::byte changed[kMovedRows * kStretch];
    for (size_t at = 0; at < whole; at += kStretch) {
      const size_t n = std::min(kStretch, whole - at);
      for (size_t r = 0; r < u.rows; ++r)
        Change::run(in + r * u.in_stride + Change::source_bytes(at), n, changed + r * kStretch);
      transpose_units(u.unit, changed, kStretch, u.rows, n / u.unit,
                      out + at / u.unit * u.out_stride, u.out_stride);
    }
    for (size_t r = 0; rest != 0 && r < u.rows; ++r)
      Change::run(in + r * u.in_stride + Change::source_bytes(whole), rest,
                  out + units * u.out_stride + r * u.unit);
  }
}

template <class Change, class Sum>
void move_rows(const UnitRows& u) {
  const UnitBlocks& b = u.blocks;
  const size_t blocks = b.bytes == 0 ? 1 : u.bytes / b.bytes, bytes = u.bytes / blocks;
  for (size_t i = 0; i < blocks; ++i) {
    const std::byte* in = u.in + i * bytes;
    move<Change>(u, in, bytes, u.out + i * b.out_stride);
    if constexpr (!std::is_same_v<Sum, NoSum>) {
      for (size_t r = 0; r < u.rows; ++r) {
        const int32_t sum = Sum::of(in + r * u.in_stride, bytes);
        u.sums[r] = int32_t(uint32_t(u.sums[r]) + uint32_t(sum));
        if (b.bytes == 0) continue;
        const uint16_t scale = load_unaligned<uint16_t>(b.scales + r * b.scale_stride + i * 2);
        store_unaligned(b.out + i * b.out_stride + r * 2, scale);
        b.scaled_sums[r] += float(BFloat16::from_bits(scale)) * float(sum);
      }
    }
  }
}

template <class To>
MoveRows* converter(DType source) {
  switch (source) {
    case DType::kF32:
      return move_rows<Convert<FromF32, To>, NoSum>;
    case DType::kF16:
      return move_rows<Convert<FromF16, To>, NoSum>;
    case DType::kBF16:
      return move_rows<Convert<FromBF16, To>, NoSum>;
    default:
      return nullptr;
  }
}

MoveRows* nibble_mover(const PackLayout& layout) {
  const bool less_8 = layout.signed_nibbles;
  if (layout.nibble_pairs || (layout.kr == 2 && !less_8)) return move_rows<Copy, SumU4>;
  switch (layout.kr) {
    case 2:
      return move_rows<HalvesApart<uint8_t, true>, SumU4>;
    case 4:
      return less_8 ? move_rows<HalvesApart<uint16_t, true>, SumU4>
                    : move_rows<HalvesApart<uint16_t, false>, SumU4>;
    case 8:
      return less_8 ? move_rows<HalvesApart<uint32_t, true>, SumU4>
                    : move_rows<HalvesApart<uint32_t, false>, SumU4>;
    case 16:
      return less_8 ? move_rows<HalvesApart<uint64_t, true>, SumU4>
                    : move_rows<HalvesApart<uint64_t, false>, SumU4>;
    default:
      return nullptr;
  }
}

}  // namespace

MoveRows* row_mover(const PackLayout& layout, DType source) {
#if defined(__aarch64__)
  if (MoveRows* const neon = row_mover_neon(layout, source); neon != nullptr) return neon;
#endif
  if (layout.elem == DType::kU4) return source == DType::kU4 ? nibble_mover(layout) : nullptr;
  if (layout.elem == DType::kS8) return source == DType::kS8 ? move_rows<Copy, SumS8> : nullptr;
  if (source == layout.elem) return move_rows<Copy, NoSum>;
  switch (layout.elem) {
    case DType::kF32:
      return converter<ToF32>(source);
    case DType::kF16:
      return converter<ToF16>(source);
    default:
      return converter<ToBF16>(source);
  }
}

}  // namespace smelt
