#include "kernels/pack/pack.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/checked.h"

namespace smelt {

namespace {

template <class T>
T load(const std::byte* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
void store(std::byte* p, T v) {
  std::memcpy(p, &v, sizeof v);
}

constexpr int32_t kU4Zero = 8;

// ---- element types of sources: how to read element i as the type it is computed with -----------------------------------

struct FromF32 {
  static float at(const std::byte* p, size_t i) { return load<float>(p + i * 4); }
};
struct FromF16 {
  static float at(const std::byte* p, size_t i) { return float(Half::from_bits(load<uint16_t>(p + i * 2))); }
};
struct FromBF16 {
  static float at(const std::byte* p, size_t i) { return float(BFloat16::from_bits(load<uint16_t>(p + i * 2))); }
};
struct FromS8 {
  static int32_t at(const std::byte* p, size_t i) { return load<int8_t>(p + i); }
};
struct FromU4 {
  static int32_t at(const std::byte* p, size_t i) {
    const uint8_t byte = load<uint8_t>(p + i / 2);
    return (i % 2 == 0 ? byte & 15 : byte >> 4) - kU4Zero;
  }
};

// ---- element types of panels: how to write number x of a row's kr elements ---------------------------------------------

struct ToF32 {
  static void put(std::byte* row, size_t x, size_t, float v) { store(row + x * 4, v); }
  static float get(const std::byte* row, size_t x, size_t) { return load<float>(row + x * 4); }
};
struct ToF16 {
  static void put(std::byte* row, size_t x, size_t, float v) { store(row + x * 2, Half(v).bits); }
  static float get(const std::byte* row, size_t x, size_t) { return FromF16::at(row, x); }
};
struct ToBF16 {
  static void put(std::byte* row, size_t x, size_t, float v) { store(row + x * 2, BFloat16(v).bits); }
  static float get(const std::byte* row, size_t x, size_t) { return FromBF16::at(row, x); }
};
struct ToS8 {
  static void put(std::byte* row, size_t x, size_t, int32_t v) { store(row + x, int8_t(v)); }
  static float get(const std::byte* row, size_t x, size_t) { return float(FromS8::at(row, x)); }
};
struct ToU4 {
  static void put(std::byte* row, size_t x, size_t kr, int32_t v) {
    const size_t half = kr / 2;
    std::byte& byte = row[x % half];
    byte = x < half ? (byte & std::byte{0xf0}) | std::byte(v + kU4Zero)
                    : (byte & std::byte{0x0f}) | std::byte((v + kU4Zero) << 4);
  }
  static float get(const std::byte* row, size_t x, size_t kr) {
    const size_t half = kr / 2;
    const uint8_t byte = uint8_t(row[x % half]);
    return float((x < half ? byte & 15 : byte >> 4) - kU4Zero);
  }
};

template <class F>
void with_source(DType dtype, F f) {
  switch (dtype) {
    case DType::kF32: return f(FromF32{});
    case DType::kF16: return f(FromF16{});
    case DType::kBF16: return f(FromBF16{});
    case DType::kU4: return f(FromU4{});
    default: return f(FromS8{});
  }
}

struct ToU4Pairs {
  static void put(std::byte* row, size_t x, size_t, int32_t v) {
    std::byte& byte = row[x / 2];
    byte = x % 2 == 0 ? (byte & std::byte{0xf0}) | std::byte(v + kU4Zero)
                      : (byte & std::byte{0x0f}) | std::byte((v + kU4Zero) << 4);
  }
  static float get(const std::byte* row, size_t x, size_t) { return float(FromU4::at(row, x)); }
};

template <class F>
void with_panel(const PackLayout& layout, F f) {
  switch (layout.elem) {
    case DType::kF32: return f(ToF32{});
    case DType::kF16: return f(ToF16{});
    case DType::kBF16: return f(ToBF16{});
    case DType::kU4: return layout.nibble_pairs ? f(ToU4Pairs{}) : f(ToU4{});
    default: return f(ToS8{});
  }
}

size_t tap_offset(const PackSource& s, size_t tap) { return s.taps.empty() ? 0 : s.taps[tap]; }

// ---- the fields -----------------------------------------------------------------------------------------------------

struct RowSums {
  int64_t plain = 0;
  float scaled = 0;
};

void put_fields(const PackLayout& layout, const PanelMap& map, const PackSource& s, size_t row, size_t r,
                const RowSums& sums, std::byte* panel) {
  const uint8_t fields = layout.head | layout.tail;
  const auto put = [&](PanelField field, auto value) {
    if ((fields & field) != 0) store(panel + field_offset(layout, map, field) + r * 4, value);
  };
  if ((fields & kFoldedBias) != 0) {
    // Wraps like the kernels' int32 accumulators, so that sums whose final value fits are exact.
    const int64_t folded = int64_t(source_bias(s, row)) - (int64_t(s.lhs_zero) + layout.lhs_offset) * sums.plain;
    put(kFoldedBias, int32_t(uint32_t(uint64_t(folded))));
  }
  if ((fields & kBias) != 0) put(kBias, float(source_bias(s, row)));
  put(kRowSum, int32_t(uint32_t(uint64_t(sums.plain))));
  if ((fields & kScale) != 0) put(kScale, s.scale[row]);
  put(kScaledRowSum, sums.scaled);
}

// ---- one panel --------------------------------------------------------------------------------------------------------

template <class From, class To>
void pack_panel(const PackLayout& layout, const PackShape& shape, const PanelMap& map, const PackSource& s,
                size_t first_row, std::byte* panel) {
  std::memset(panel, 0, map.stride);
  const size_t rows = std::min(map.rows, shape.rows - first_row);
  const size_t row_bytes = layout.kr * layout_bits(layout.elem) / 8;
  const size_t run = layout.join_taps ? shape.taps * shape.kc : shape.kc;
  for (size_t r = 0; r < map.rows; ++r) {
    const size_t row = first_row + r;
    RowSums sums;
    int64_t block_sum = 0;
    for (size_t g = 0; g < map.runs * map.run_groups; ++g) {
      const size_t tap0 = map.run_groups == 0 ? 0 : g / map.run_groups;
      const size_t begin = g % map.run_groups * layout.kr;
      std::byte* at = panel + map.group(g) + r * row_bytes;
      for (size_t x = 0; x < layout.kr; ++x) {
        const size_t k = begin + x;
        if (r >= rows || k >= run) {
          To::put(at, x, layout.kr, 0);
          continue;
        }
        const size_t tap = layout.join_taps ? k / shape.kc : tap0;
        const size_t c = layout.join_taps ? k % shape.kc : k;
        const auto value = From::at(s.data, row * s.row_stride + tap_offset(s, tap) + c * s.k_stride);
        To::put(at, x, layout.kr, value);
        if constexpr (!std::is_floating_point_v<decltype(value)>) {
          sums.plain += value;
          block_sum += value;
        }
      }
      if (map.block_groups != 0 && (g + 1) % map.block_groups == 0 && r < rows) {
        const size_t block = g / map.block_groups;
        const BFloat16 scale = BFloat16::from_bits(load<uint16_t>(
            reinterpret_cast<const std::byte*>(s.block_scale + row * (shape.kc / shape.block) + block)));
        store(panel + map.group(g) + map.group_bytes + r * 2, scale.bits);
        sums.scaled += float(scale) * float(block_sum);
        block_sum = 0;
      }
    }
    if (r < rows) put_fields(layout, map, s, row, r, sums, panel);
  }
}

// ---- one panel, quickly: what is packed while running, and most of what is packed at load time ----------------------------

// Copies `units` units of each of `rows` rows, which lie `step` bytes apart, to their places in a panel. A stretch of every
// row in turn, so that the panel's lines stay in the nearest cache until they are full.
template <class Unit, class Convert>
void interleave(const PanelMap& map, const std::byte* in, size_t step, size_t rows, size_t units, std::byte* out,
                Convert convert) {
  constexpr size_t kStretch = 16;
  for (size_t begin = 0; begin < units; begin += kStretch) {
    const size_t end = std::min(begin + kStretch, units);
    for (size_t r = 0; r < rows; ++r)
      for (size_t u = begin; u < end; ++u)
        store(out + (u * map.rows + r) * sizeof(Unit), convert(load<Unit>(in + r * step + u * sizeof(Unit))));
  }
}

// Floating matrices, [n, k] or [k, n], without conversion; kr = 1.
template <class Unit>
void pack_plain_panel(const PackLayout& layout, const PackShape& shape, const PanelMap& map, const PackSource& s,
                      size_t first_row, std::byte* panel) {
  constexpr size_t kBytes = sizeof(Unit);
  const size_t rows = std::min(map.rows, shape.rows - first_row);
  const size_t end = map.tail + field_count(layout.tail) * map.rows * 4;
  if (rows < map.rows || end < map.stride) std::memset(panel, 0, map.stride);
  if ((layout.head | layout.tail) != 0)
    for (size_t r = 0; r < rows; ++r) put_fields(layout, map, s, first_row + r, r, {}, panel);
  std::byte* out = panel + map.data;
  for (size_t tap = 0; tap < shape.taps; ++tap) {
    const std::byte* in = s.data + (first_row * s.row_stride + tap_offset(s, tap)) * kBytes;
    if (s.row_stride == 1) {
      for (size_t c = 0; c < shape.kc; ++c)
        std::memcpy(out + c * map.rows * kBytes, in + c * s.k_stride * kBytes, rows * kBytes);
    } else if (s.k_stride == 1) {
      interleave<Unit>(map, in, s.row_stride * kBytes, rows, shape.kc, out, [](Unit u) { return u; });
    } else {
      for (size_t r = 0; r < rows; ++r)
        for (size_t c = 0; c < shape.kc; ++c)
          store(out + (c * map.rows + r) * kBytes, load<Unit>(in + (r * s.row_stride + c * s.k_stride) * kBytes));
    }
    out += shape.kc * map.rows * kBytes;
  }
}

// int8 matrices of contiguous rows; kr = 4, so that a group is a word of the row.
void pack_s8_words(const PackLayout& layout, const PackShape& shape, const PanelMap& map, const PackSource& s,
                   size_t first_row, std::byte* panel) {
  const size_t rows = std::min(map.rows, shape.rows - first_row), words = shape.kc / 4, rest = shape.kc % 4;
  std::memset(panel, 0, map.stride);
  for (size_t tap = 0; tap < shape.taps; ++tap) {
    const std::byte* in = s.data + first_row * s.row_stride + tap_offset(s, tap);
    std::byte* out = panel + map.group(tap * map.run_groups);
    interleave<uint32_t>(map, in, s.row_stride, rows, words, out, [](uint32_t word) { return word; });
    for (size_t r = 0; rest != 0 && r < rows; ++r)
      std::memcpy(out + (words * map.rows + r) * 4, in + r * s.row_stride + words * 4, rest);
  }
  for (size_t r = 0; r < rows; ++r) {
    RowSums sums;
    for (size_t tap = 0; tap < shape.taps; ++tap) {
      const std::byte* in = s.data + (first_row + r) * s.row_stride + tap_offset(s, tap);
      for (size_t c = 0; c < shape.kc; ++c) sums.plain += FromS8::at(in, c);
    }
    put_fields(layout, map, s, first_row + r, r, sums, panel);
  }
}

// Four nibbles to the low halves of four bytes.
uint32_t spread_nibbles(uint32_t nibbles) {
  nibbles = (nibbles | nibbles << 8) & 0x00ff00ff;
  return (nibbles | nibbles << 4) & 0x0f0f0f0f;
}

// The sum of a word's eight elements.
int32_t nibble_sum(uint32_t word) {
  const uint32_t pairs = (word & 0x0f0f0f0f) + (word >> 4 & 0x0f0f0f0f);
  return int32_t(pairs * 0x01010101u >> 24) - 8 * kU4Zero;
}

// 4-bit matrices of contiguous rows and whole groups; kr = 8, so that a group is a word of the row, its nibbles in another
// order. One tap.
void pack_u4_words(const PackLayout& layout, const PackShape& shape, const PanelMap& map, const PackSource& s,
                   size_t first_row, std::byte* panel) {
  const size_t rows = std::min(map.rows, shape.rows - first_row);
  const size_t blocks = map.block_groups == 0 ? 1 : shape.kc / shape.block;
  const size_t words = map.run_groups / blocks;
  // What is padded holds zeros of the type, not of the bits.
  std::memset(panel, 0, map.stride);
  if (rows < map.rows)
    for (size_t g = 0; g < map.run_groups; ++g)
      std::memset(panel + map.group(g) + rows * 4, kU4Zero * 0x11, (map.rows - rows) * 4);
  const std::byte* in = s.data + (first_row * s.row_stride + tap_offset(s, 0)) / 2;
  for (size_t block = 0; block < blocks; ++block)
    interleave<uint32_t>(map, in + block * words * 4, s.row_stride / 2, rows, words, panel + map.group(block * words),
                         [](uint32_t word) { return spread_nibbles(word & 0xffff) | spread_nibbles(word >> 16) << 4; });
  for (size_t r = 0; r < rows; ++r) {
    RowSums sums;
    const std::byte* row = in + r * s.row_stride / 2;
    for (size_t block = 0; block < blocks; ++block) {
      int64_t block_sum = 0;
      for (size_t w = 0; w < words; ++w, row += 4) block_sum += nibble_sum(load<uint32_t>(row));
      sums.plain += block_sum;
      if (map.block_groups == 0) continue;
      const BFloat16 scale = BFloat16::from_bits(
          load<uint16_t>(reinterpret_cast<const std::byte*>(s.block_scale + (first_row + r) * blocks + block)));
      store(panel + map.group((block + 1) * words - 1) + map.group_bytes + r * 2, scale.bits);
      sums.scaled += float(scale) * float(block_sum);
    }
    put_fields(layout, map, s, first_row + r, r, sums, panel);
  }
}

using PackPanel = void(const PackLayout&, const PackShape&, const PanelMap&, const PackSource&, size_t first_row,
                       std::byte* panel);

// The quick way for a layout and source, or null.
PackPanel* quick_panel(const PackLayout& layout, const PackShape& shape, const PackSource& s) {
  if (layout.join_taps && shape.taps > 1) return nullptr;
  if (layout.elem == s.dtype && layout.kr == 1) {
    if (layout.elem == DType::kF32) return pack_plain_panel<uint32_t>;
    if (layout.elem == DType::kF16 || layout.elem == DType::kBF16) return pack_plain_panel<uint16_t>;
  }
  if (layout.elem == DType::kS8 && s.dtype == DType::kS8 && layout.kr == 4 && s.k_stride == 1) return pack_s8_words;
  const bool whole_bytes = s.row_stride % 2 == 0 && tap_offset(s, 0) % 2 == 0;
  if (layout.elem == DType::kU4 && s.dtype == DType::kU4 && layout.kr == 8 && !layout.nibble_pairs && s.k_stride == 1 &&
      shape.taps == 1 && shape.kc != 0 && shape.kc % 8 == 0 && whole_bytes)
    return pack_u4_words;
  return nullptr;
}

}  // namespace

std::optional<size_t> packed_bytes(const PackLayout& layout, const PackShape& shape, size_t vl32) {
  const size_t rows = layout.rows.at(vl32);
  if (rows == 0 || layout.kr == 0 || (layout.elem == DType::kU4 && layout.kr % 2 != 0)) return std::nullopt;
  if (layout.block_scales && (shape.taps != 1 || shape.block == 0 || shape.kc % shape.block != 0 ||
                              shape.block % layout.kr != 0))
    return std::nullopt;
  // Bounds what panel_map computes: at most 4 bytes per element and row, a scale each kr, five fields, and the padding.
  const auto padded_k = checked_mul(shape.taps, round_up(std::min(shape.kc, size_t(1) << 60), size_t(layout.kr)));
  if (!padded_k || shape.kc >= size_t(1) << 60 || shape.rows >= size_t(1) << 60) return std::nullopt;
  const auto elements = checked_mul(*padded_k, round_up(shape.rows, rows));
  const auto bytes = elements ? checked_mul(*elements, size_t(8)) : std::nullopt;
  if (!bytes || *bytes > size_t(std::numeric_limits<ptrdiff_t>::max()) / 4) return std::nullopt;
  return checked_mul(panel_map(layout, shape, vl32).stride, div_up(shape.rows, rows));
}

void pack_panels(const PackLayout& layout, const PackShape& shape, size_t vl32, const PackSource& source, size_t first,
                 size_t last, std::byte* out) {
  const PanelMap map = panel_map(layout, shape, vl32);
  PackPanel* const quick = quick_panel(layout, shape, source);
  for (size_t p = first; p < last; ++p) {
    std::byte* panel = out + p * map.stride;
    if (quick != nullptr) {
      quick(layout, shape, map, source, p * map.rows, panel);
    } else {
      with_source(source.dtype, [&](auto from) {
        with_panel(layout, [&](auto to) {
          pack_panel<decltype(from), decltype(to)>(layout, shape, map, source, p * map.rows, panel);
        });
      });
    }
  }
}

Unpacked unpack(const PackLayout& layout, const PackShape& shape, size_t vl32, const std::byte* packed) {
  const PanelMap map = panel_map(layout, shape, vl32);
  const size_t row_bytes = layout.kr * layout_bits(layout.elem) / 8;
  const size_t blocks = layout.block_scales ? shape.kc / shape.block : 0;
  const uint8_t fields = layout.head | layout.tail;
  Unpacked u;
  for (size_t row = 0; row < shape.rows; ++row) {
    const std::byte* panel = packed + row / map.rows * map.stride;
    const size_t r = row % map.rows;
    for (size_t tap = 0; tap < shape.taps; ++tap) {
      for (size_t c = 0; c < shape.kc; ++c) {
        const size_t k = layout.join_taps ? tap * shape.kc + c : c;
        const size_t group = (layout.join_taps ? 0 : tap * map.run_groups) + k / layout.kr;
        with_panel(layout, [&](auto to) {
          u.values.push_back(to.get(panel + map.group(group) + r * row_bytes, k % layout.kr, layout.kr));
        });
      }
    }
    for (size_t b = 0; b < blocks; ++b)
      u.block_scale.push_back(FromBF16::at(
          panel + map.group((b + 1) * map.block_groups - 1) + map.group_bytes, r));
    const auto get = [&]<class T>(PanelField field, std::vector<T>& to) {
      if ((fields & field) != 0) to.push_back(load<T>(panel + field_offset(layout, map, field) + r * 4));
    };
    get(kBias, u.bias);
    get(kFoldedBias, u.folded_bias);
    get(kRowSum, u.row_sum);
    get(kScale, u.scale);
    get(kScaledRowSum, u.scaled_row_sum);
  }
  return u;
}

float source_value(const PackSource& s, size_t row, size_t tap, size_t c) {
  float value = 0;
  with_source(s.dtype, [&](auto from) {
    value = float(from.at(s.data, row * s.row_stride + tap_offset(s, tap) + c * s.k_stride));
  });
  return value;
}

double source_bias(const PackSource& s, size_t row) {
  if (s.bias == nullptr) return 0;
  if (s.bias_dtype == DType::kS32) return load<int32_t>(s.bias + row * 4);
  double value = 0;
  with_source(s.bias_dtype, [&](auto from) { value = from.at(s.bias, row); });
  return value;
}

namespace {

template <class T>
void pack_lhs_as(const PackLayout& layout, const PanelMap& map, size_t m, size_t taps, size_t kc,
                 const void* const* rows, std::byte* out) {
  const size_t kr = layout.kr;
  for (size_t m0 = 0; m0 < m; m0 += map.rows, out += map.stride) {
    const size_t used = std::min(map.rows, m - m0);
    const bool padded = (layout.join_taps ? taps * kc : kc) % kr != 0;
    if (used < map.rows || padded) std::memset(out, 0, map.stride);
    for (size_t r = 0; r < used; ++r) {
      const void* const* row = rows + (m0 + r) * taps;
      size_t k = 0;
      for (size_t t = 0; t < taps; ++t) {
        if (!layout.join_taps) k = t * map.run_groups * kr;
        const std::byte* from = static_cast<const std::byte*>(row[t]);
        for (size_t c = 0; c < kc; ++c, ++k)
          std::memcpy(out + ((k / kr * map.rows + r) * kr + k % kr) * sizeof(T), from + c * sizeof(T), sizeof(T));
      }
    }
  }
}

}  // namespace

void pack_lhs(const PackLayout& layout, size_t vl32, size_t m, size_t taps, size_t kc, const void* const* rows,
              std::byte* out) {
  const PanelMap map = panel_map(layout, {.rows = m, .kc = kc, .taps = taps}, vl32);
  switch (layout_bits(layout.elem)) {
    case 32: return pack_lhs_as<uint32_t>(layout, map, m, taps, kc, rows, out);
    case 16: return pack_lhs_as<uint16_t>(layout, map, m, taps, kc, rows, out);
    default: return pack_lhs_as<uint8_t>(layout, map, m, taps, kc, rows, out);
  }
}

}  // namespace smelt
