#include "kernels/pack/pack.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/checked.h"
#include "kernels/pack/elements.h"
#include "kernels/pack/fields.h"
#include "kernels/pack/quick.h"

namespace smelt {

namespace {

template <class F>
void with_panel(const PackLayout& layout, F f) {
  switch (layout.elem) {
    case DType::kF32: return f(ToF32{});
    case DType::kF16: return f(ToF16{});
    case DType::kBF16: return f(ToBF16{});
    case DType::kU4:
      if (layout.nibble_pairs) return f(ToU4Pairs{});
      return layout.signed_nibbles ? f(ToU4<SignedNibble>{}) : f(ToU4<UnsignedNibble>{});
    default: return f(ToS8{});
  }
}

size_t tap_offset(const PackSource& s, size_t tap) { return s.taps.empty() ? 0 : s.taps[tap]; }

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
    float scaled_sum = 0;
    int64_t sum = 0, block_sum = 0;
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
          sum += value;
          block_sum += value;
        }
      }
      if (map.block_groups != 0 && (g + 1) % map.block_groups == 0 && r < rows) {
        const size_t block = g / map.block_groups;
        const BFloat16 scale = BFloat16::from_bits(load_unaligned<uint16_t>(
            reinterpret_cast<const std::byte*>(s.block_scale + row * (shape.kc / shape.block) + block)));
        store_unaligned(panel + map.group(g) + map.group_bytes + r * 2, scale.bits);
        scaled_sum += float(scale) * float(block_sum);
        block_sum = 0;
      }
    }
    const int32_t wrapped = int32_t(uint32_t(uint64_t(sum)));
    if (r < rows) pack_fields(layout, map, s, first_row, r, 1, &wrapped, &scaled_sum, panel);
  }
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

namespace {

// Taps that are joined, and neighbours in the source as well, are one run.
bool one_run(const PackLayout& layout, const PackShape& shape, const PackSource& s) {
  for (size_t t = 1; t < s.taps.size(); ++t)
    if (s.taps[t] != s.taps[t - 1] + shape.kc * s.k_stride) return false;
  return layout.join_taps && shape.taps > 1;
}

}  // namespace

void pack_panels(const PackLayout& layout, const PackShape& shape, size_t vl32, const PackSource& source, size_t first,
                 size_t last, std::byte* out) {
  if (one_run(layout, shape, source)) {
    PackSource joined = source;
    joined.taps = source.taps.first(1);
    return pack_panels(layout, {.rows = shape.rows, .kc = shape.taps * shape.kc}, vl32, joined, first, last, out);
  }
  if (!pack_quickly(layout, shape, vl32, source, first, last, out))
    pack_panels_by_element(layout, shape, vl32, source, first, last, out);
}

void pack_panels_by_element(const PackLayout& layout, const PackShape& shape, size_t vl32, const PackSource& source,
                            size_t first, size_t last, std::byte* out) {
  const PanelMap map = panel_map(layout, shape, vl32);
  with_source(source.dtype, [&](auto from) {
    with_panel(layout, [&](auto to) {
      for (size_t p = first; p < last; ++p)
        pack_panel<decltype(from), decltype(to)>(layout, shape, map, source, p * map.rows, out + p * map.stride);
    });
  });
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
      if ((fields & field) != 0) to.push_back(load_unaligned<T>(panel + field_offset(layout, map, field) + r * 4));
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
  return with_source(s.dtype, [&](auto from) {
    return float(from.at(s.data, row * s.row_stride + tap_offset(s, tap) + c * s.k_stride));
  });
}

double source_bias(const PackSource& s, size_t row) {
  if (s.bias == nullptr) return 0;
  if (s.bias_dtype == DType::kS32) return load_unaligned<int32_t>(s.bias + row * 4);
  return with_source(s.bias_dtype, [&](auto from) { return double(from.at(s.bias, row)); });
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
