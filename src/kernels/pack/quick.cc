#include "kernels/pack/quick.h"

#include <algorithm>
#include <utility>

#include "kernels/pack/elements.h"
#include "kernels/pack/fields.h"

namespace smelt {

namespace {

// Rows that are packed together: 16 units of 4 bytes fill a line of the cache.
constexpr size_t kRows = 16;
// Bytes of each of them that are converted at a time, into a buffer that stays in the nearest
// cache.
constexpr size_t kStretch = 512;

// ---- transposing units of 1, 2, 4 or 8 bytes in the vectors that every machine has
// ------------------------------------------

template <class Unit>
using Vector [[gnu::vector_size(16)]] = Unit;

// a0 b0 a1 b1 … of the lower halves, or of the upper ones.
template <class V, size_t... kI>
V zip(V a, V b, std::integral_constant<size_t, 0>, std::index_sequence<kI...>) {
  return __builtin_shufflevector(a, b, (kI % 2 * sizeof...(kI) + kI / 2)...);
}
template <class V, size_t... kI>
V zip(V a, V b, std::integral_constant<size_t, 1>, std::index_sequence<kI...>) {
  return __builtin_shufflevector(a, b, (kI % 2 * sizeof...(kI) + sizeof...(kI) / 2 + kI / 2)...);
}

// A square block: as many perfect shuffles of its rows as its side has bits.
template <class Unit>
void transpose_block(const std::byte* in, size_t in_stride, std::byte* out, size_t out_stride) {
  constexpr size_t kN = 16 / sizeof(Unit);
  using V = Vector<Unit>;
  using Lanes = std::make_index_sequence<kN>;
  V v[kN];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < kN; ++i) v[i] = load_unaligned<V>(in + i * in_stride);
#pragma clang loop unroll(full)
  for (size_t step = 1; step < kN; step *= 2) {
    V w[kN];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < kN / 2; ++i) {
      w[2 * i] = zip(v[i], v[i + kN / 2], std::integral_constant<size_t, 0>(), Lanes());
      w[2 * i + 1] = zip(v[i], v[i + kN / 2], std::integral_constant<size_t, 1>(), Lanes());
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < kN; ++i) v[i] = w[i];
  }
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
  size_t c = 0;
  for (; c + kN <= columns; c += kN) {
    size_t r = 0;
    for (; r + kN <= rows; r += kN)
      transpose_block<Unit>(in + r * in_stride + c * kUnit, in_stride,
                            out + c * out_stride + r * kUnit, out_stride);
    for (; r < rows; ++r)
      for (size_t i = 0; i < kN; ++i) copy(r, c + i);
  }
  for (; c < columns; ++c)
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
// panel's type -----------------

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

// Nibbles to the low halves of as many bytes.
template <class Word>
Word spread_nibbles(uint64_t nibbles) {
  nibbles = (nibbles | nibbles << 16) & 0x0000ffff0000ffff;
  nibbles = (nibbles | nibbles << 8) & 0x00ff00ff00ff00ff;
  return Word((nibbles | nibbles << 4) & 0x0f0f0f0f0f0f0f0f);
}

// The nibbles of a word in order, to bytes in each of which the high one is half a word after the
// low one; as they are, or less 8 in two's complement.
template <class Word, bool kSigned>
struct HalvesApart {
  static constexpr bool kCopies = false;
  static size_t source_bytes(size_t bytes) { return bytes; }
  static void run(const std::byte* in, size_t bytes, std::byte* out) {
    constexpr unsigned kHalf = 4 * sizeof(Word);
    constexpr uint64_t kInverted = kSigned ? 0x8888888888888888 : 0;
    for (size_t i = 0; i < bytes; i += sizeof(Word)) {
      const uint64_t word = load_unaligned<Word>(in + i);
      const Word low = spread_nibbles<Word>(word & ((uint64_t(1) << kHalf) - 1));
      const Word high = spread_nibbles<Word>(word >> kHalf);
      store_unaligned(out + i, Word((low | high << 4) ^ kInverted));
    }
  }
};

// ---- sums
// -------------------------------------------------------------------------------------------------------------------

void add_wrapping(int32_t& sum, int32_t more) { sum = int32_t(uint32_t(sum) + uint32_t(more)); }

int32_t sum_s8(const std::byte* p, size_t n) {
  int32_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += load_unaligned<int8_t>(p + i);
  return sum;
}

int32_t sum_u4(const std::byte* p, size_t n) {
  uint32_t sum = 0;
  for (size_t i = 0; i < n / 2; ++i) {
    const uint8_t byte = load_unaligned<uint8_t>(p + i);
    sum += (byte & 15u) + (byte >> 4);
  }
  return int32_t(sum) - kU4Zero * int32_t(n);
}

// ---- panels
// -----------------------------------------------------------------------------------------------------------------

// Everything of a panel that no row writes. What is padded holds zeros of the type, not of the
// bits.
void pad(const PackLayout& layout, const PackShape& shape, const PanelMap& map, size_t rows,
         std::byte* panel) {
  const size_t end = map.tail + field_count(layout.tail) * map.rows * 4;
  if (rows == map.rows && end == map.stride &&
      (layout.elem == DType::kU4 || shape.kc % layout.kr == 0))
    return;
  std::memset(panel, 0, map.stride);
  if (layout.elem != DType::kU4 || layout.signed_nibbles || rows == map.rows) return;
  const size_t unit = map.group_bytes / map.rows;
  for (size_t g = 0; g < map.runs * map.run_groups; ++g)
    std::memset(panel + map.group(g) + rows * unit, kU4Zero * 0x11, (map.rows - rows) * unit);
}

// Sources whose rows are runs of memory. Elements of 4 bits come in whole groups.
template <class Change>
void pack_rows(const PackLayout& layout, const PackShape& shape, const PanelMap& map,
               const PackSource& s, size_t first_row, std::byte* panel) {
  const size_t rows = std::min(map.rows, shape.rows - first_row), unit = map.group_bytes / map.rows;
  const size_t from_bits = layout_bits(s.dtype), step = s.row_stride * from_bits / 8,
               out_step = map.group_bytes;
  const size_t groups = shape.kc / layout.kr, rest = shape.kc % layout.kr * (unit / layout.kr);
  const size_t blocks = map.block_groups == 0 ? 1 : shape.kc / shape.block;
  const size_t block_groups = groups / blocks;
  pad(layout, shape, map, rows, panel);
  for (size_t r0 = 0; r0 < rows; r0 += kRows) {
    const size_t count = std::min(kRows, rows - r0), row = first_row + r0;
    int32_t sums[kRows] = {};
    float scaled_sums[kRows] = {};
    for (size_t tap = 0; tap < shape.taps; ++tap) {
      const std::byte* in =
          s.data + (row * s.row_stride + (s.taps.empty() ? 0 : s.taps[tap])) * from_bits / 8;
      for (size_t b = 0; b < blocks; ++b) {
        const size_t tap_groups = layout.join_taps ? groups : map.run_groups;
        const size_t first_group = tap * tap_groups + b * block_groups;
        std::byte* out = panel + map.group(first_group) + r0 * unit;
        const size_t begin = b * block_groups * unit, end = begin + block_groups * unit;
        if constexpr (Change::kCopies) {
          transpose_units(unit, in + begin, step, count, block_groups, out, out_step);
          for (size_t r = 0; rest != 0 && r < count; ++r)
            std::memcpy(out + groups * out_step + r * unit, in + r * step + end, rest);
        } else {
          alignas(64) std::byte changed[kRows * kStretch];
          for (size_t at = begin; at < end; at += kStretch) {
            const size_t bytes = std::min(kStretch, end - at);
            for (size_t r = 0; r < count; ++r)
              Change::run(in + r * step + Change::source_bytes(at), bytes, changed + r * kStretch);
            transpose_units(unit, changed, kStretch, count, bytes / unit,
                            out + (at - begin) / unit * out_step, out_step);
          }
          for (size_t r = 0; rest != 0 && r < count; ++r)
            Change::run(in + r * step + Change::source_bytes(end), rest,
                        out + groups * out_step + r * unit);
        }
        if (layout.elem == DType::kS8)
          for (size_t r = 0; r < count; ++r) add_wrapping(sums[r], sum_s8(in + r * step, shape.kc));
        if (layout.elem == DType::kU4) {
          for (size_t r = 0; r < count; ++r) {
            const size_t elements = block_groups * layout.kr;
            const int32_t sum = sum_u4(in + r * step + b * elements / 2, elements);
            add_wrapping(sums[r], sum);
            if (map.block_groups == 0) continue;
            const BFloat16 scale = BFloat16::from_bits(load_unaligned<uint16_t>(
                reinterpret_cast<const std::byte*>(s.block_scale + (row + r) * blocks + b)));
            store_unaligned(
                panel + map.group(first_group + block_groups - 1) + map.group_bytes + (r0 + r) * 2,
                scale.bits);
            scaled_sums[r] += float(scale) * float(sum);
          }
        }
      }
    }
    pack_fields(layout, map, s, first_row, r0, count, sums, scaled_sums, panel);
  }
}

// kKr lines of k side by side: out[r][x] = line[x][r].
template <class Unit, size_t kKr>
void interleave_lines(const std::byte* const (&line)[kKr], size_t rows, std::byte* out) {
  for (size_t r = 0; r < rows; ++r)
    for (size_t x = 0; x < kKr; ++x)
      store_unaligned(out + (r * kKr + x) * sizeof(Unit),
                      load_unaligned<Unit>(line[x] + r * sizeof(Unit)));
}

// Sources whose lines of k are runs of memory: [k, n].
template <class Change, class Unit, size_t kKr>
void pack_lines(const PackLayout& layout, const PackShape& shape, const PanelMap& map,
                const PackSource& s, size_t first_row, std::byte* panel) {
  constexpr size_t kLine = 256;  // rows that are packed together
  const size_t rows = std::min(map.rows, shape.rows - first_row), from = layout_bits(s.dtype) / 8;
  pad(layout, shape, map, rows, panel);
  for (size_t r0 = 0; r0 < rows; r0 += kLine) {
    const size_t count = std::min(kLine, rows - r0);
    int32_t sums[kLine] = {};
    for (size_t tap = 0; tap < shape.taps; ++tap) {
      const std::byte* in = s.data + (first_row + r0 + (s.taps.empty() ? 0 : s.taps[tap])) * from;
      const size_t tap_groups = layout.join_taps ? shape.kc / kKr : map.run_groups;
      std::byte* out = panel + map.group(tap * tap_groups) + r0 * kKr * sizeof(Unit);
      for (size_t k = 0; k < shape.kc; k += kKr, out += map.group_bytes) {
        static constexpr std::byte kZeros[kLine * sizeof(Unit)] = {};
        const std::byte* line[kKr];
        std::byte changed[kKr][Change::kCopies ? 1 : kLine * sizeof(Unit)];
        for (size_t x = 0; x < kKr; ++x) {
          line[x] = k + x < shape.kc ? in + (k + x) * s.k_stride * from : kZeros;
          if constexpr (!Change::kCopies) {
            if (line[x] == kZeros) continue;
            Change::run(line[x], count * sizeof(Unit), changed[x]);
            line[x] = changed[x];
          }
        }
        if constexpr (kKr == 1)
          std::memcpy(out, line[0], count * sizeof(Unit));
        else
          interleave_lines<Unit, kKr>(line, count, out);
        if (layout.elem == DType::kS8) {
          for (size_t r = 0; r < count; ++r) {
            int16_t sum = 0;
            for (size_t x = 0; x < kKr; ++x)
              sum = int16_t(sum + load_unaligned<int8_t>(line[x] + r));
            add_wrapping(sums[r], sum);
          }
        }
      }
    }
    pack_fields(layout, map, s, first_row, r0, count, sums, nullptr, panel);
  }
}

template <class Change, class Unit>
PackPanel* lines_by_kr(size_t kr) {
  switch (kr) {
    case 1:
      return pack_lines<Change, Unit, 1>;
    case 2:
      return pack_lines<Change, Unit, 2>;
    case 4:
      return pack_lines<Change, Unit, 4>;
    case 8:
      return pack_lines<Change, Unit, 8>;
    default:
      return nullptr;
  }
}

template <class Change, class Unit>
PackPanel* floats(const PackLayout& layout, const PackSource& s) {
  if (s.row_stride == 1) return lines_by_kr<Change, Unit>(layout.kr);
  return s.k_stride == 1 ? pack_rows<Change> : nullptr;
}

template <class To, class Unit>
PackPanel* floats_to(const PackLayout& layout, const PackSource& s) {
  if (s.dtype == layout.elem) return floats<Copy, Unit>(layout, s);
  switch (s.dtype) {
    case DType::kF32:
      return floats<Convert<FromF32, To>, Unit>(layout, s);
    case DType::kF16:
      return floats<Convert<FromF16, To>, Unit>(layout, s);
    case DType::kBF16:
      return floats<Convert<FromBF16, To>, Unit>(layout, s);
    default:
      return nullptr;
  }
}

// Whole groups, in whole bytes.
PackPanel* nibbles(const PackLayout& layout, const PackShape& shape, const PackSource& s) {
  const bool whole = shape.kc != 0 && shape.kc % layout.kr == 0 && s.row_stride % 2 == 0 &&
                     std::ranges::all_of(s.taps, [](size_t offset) { return offset % 2 == 0; });
  if (s.dtype != DType::kU4 || s.k_stride != 1 || !whole) return nullptr;
  const bool less_8 = layout.signed_nibbles;
  if (layout.nibble_pairs || (layout.kr == 2 && !less_8)) return pack_rows<Copy>;
  switch (layout.kr) {
    case 2:
      return pack_rows<HalvesApart<uint8_t, true>>;
    case 8:
      return less_8 ? pack_rows<HalvesApart<uint32_t, true>>
                    : pack_rows<HalvesApart<uint32_t, false>>;
    case 16:
      return less_8 ? pack_rows<HalvesApart<uint64_t, true>>
                    : pack_rows<HalvesApart<uint64_t, false>>;
    default:
      return nullptr;
  }
}

}  // namespace

PackPanel* quick_panel(const PackLayout& layout, const PackShape& shape, const PackSource& s) {
  const size_t unit = layout.kr * layout_bits(layout.elem);
  if ((unit != 8 && unit != 16 && unit != 32 && unit != 64) ||
      (layout.join_taps && shape.taps > 1 && shape.kc % layout.kr != 0))
    return nullptr;
  if (layout.elem == DType::kU4) return nibbles(layout, shape, s);
  if (layout.block_scales) return nullptr;
  switch (layout.elem) {
    case DType::kF32:
      return floats_to<ToF32, uint32_t>(layout, s);
    case DType::kF16:
      return floats_to<ToF16, uint16_t>(layout, s);
    case DType::kBF16:
      return floats_to<ToBF16, uint16_t>(layout, s);
    default:
      return s.dtype == DType::kS8 ? floats<Copy, uint8_t>(layout, s) : nullptr;
  }
}

}  // namespace smelt
