#include "kernels/pack/quick.h"

#include <algorithm>
#include <cstring>

#include "base/float16.h"
#include "kernels/pack/elements.h"
#include "kernels/pack/fields.h"
#include "kernels/pack/unit_lines.h"
#include "kernels/pack/unit_rows.h"

namespace smelt {

namespace {

// Everything of a panel that no row writes. What is padded holds zeros of the type, not of the
// bits.
void pad(const PackLayout& layout, const PackShape& shape, const PanelMap& map, size_t rows,
         std::byte* panel) {
  if (rows == map.rows && (layout.elem == DType::kU4 || shape.kc % layout.kr == 0)) {
    const size_t end = map.tail + field_count(layout.tail) * map.rows * 4;
    if (end != map.stride) std::memset(panel + end, 0, map.stride - end);
    return;
  }
  std::memset(panel, 0, map.stride);
  if (layout.elem != DType::kU4 || layout.signed_nibbles) return;
  const size_t unit = map.group_bytes / map.rows;
  for (size_t g = 0; g < map.runs * map.run_groups; ++g)
    std::memset(panel + map.group(g) + rows * unit, kU4Zero * 0x11, (map.rows - rows) * unit);
}

// Sources whose rows are runs of memory. Elements of 4 bits come in whole groups.
void pack_rows(const PackLayout& layout, const PackShape& shape, const PanelMap& map,
               const PackSource& s, MoveRows* move, size_t first, size_t last, std::byte* out) {
  const size_t from_bits = layout_bits(s.dtype), unit = map.group_bytes / map.rows;
  const size_t tap_bytes =
      (layout.join_taps ? shape.kc / layout.kr : map.run_groups) * map.group_bytes;
  const size_t blocks = map.block_groups == 0 ? 0 : shape.kc / shape.block;
  int32_t sums[kMovedRows];
  float scaled_sums[kMovedRows];
  UnitRows u{.rows = 0,
             .unit = unit,
             .bytes = shape.kc * layout_bits(layout.elem) / 8,
             .in = nullptr,
             .in_stride = s.row_stride * from_bits / 8,
             .out = nullptr,
             .out_stride = map.group_bytes,
             .sums = sums};
  if (blocks != 0)
    u.blocks = {.bytes = map.block_groups * unit,
                .out_stride = map.block_groups * map.group_bytes + map.rows * sizeof(BFloat16),
                .scale_stride = blocks * sizeof(BFloat16),
                .scaled_sums = scaled_sums};
  for (size_t p = first; p < last; ++p) {
    std::byte* const panel = out + p * map.stride;
    const size_t first_row = p * map.rows, rows = std::min(map.rows, shape.rows - first_row);
    pad(layout, shape, map, rows, panel);
    for (size_t r = 0; r < rows; r += kMovedRows) {
      const size_t row = first_row + r;
      u.rows = std::min(kMovedRows, rows - r);
      for (size_t i = 0; i < kMovedRows; ++i) sums[i] = 0, scaled_sums[i] = 0;
      if (blocks != 0) {
        u.blocks.scales = reinterpret_cast<const std::byte*>(s.block_scale + row * blocks);
        u.blocks.out = panel + map.data + map.block_groups * map.group_bytes + r * sizeof(BFloat16);
      }
      u.out = panel + map.data + r * unit;
      for (size_t tap = 0; tap < shape.taps; ++tap, u.out += tap_bytes) {
        const size_t at = row * s.row_stride + (s.taps.empty() ? 0 : s.taps[tap]);
        u.in = s.data + at * from_bits / 8;
        move(u);
      }
      pack_fields(layout, map, s, first_row, r, u.rows, sums, scaled_sums, panel);
    }
  }
}

// Sources whose lines of k are runs of memory: [k, n].
void pack_lines(const PackLayout& layout, const PackShape& shape, const PanelMap& map,
                const PackSource& s, MoveLines* move, size_t first, size_t last, std::byte* out) {
  const size_t from = layout_bits(s.dtype) / 8, unit = map.group_bytes / map.rows;
  const size_t tap_bytes =
      (layout.join_taps ? shape.kc / layout.kr : map.run_groups) * map.group_bytes;
  int32_t sums[kMovedColumns];
  UnitLines u{.columns = 0,
              .lines = shape.kc,
              .in = nullptr,
              .in_stride = s.k_stride * from,
              .out = nullptr,
              .out_stride = map.group_bytes,
              .sums = sums};
  for (size_t p = first; p < last; ++p) {
    std::byte* const panel = out + p * map.stride;
    const size_t first_row = p * map.rows, rows = std::min(map.rows, shape.rows - first_row);
    pad(layout, shape, map, rows, panel);
    for (size_t r = 0; r < rows; r += kMovedColumns) {
      u.columns = std::min(kMovedColumns, rows - r);
      for (size_t i = 0; i < u.columns; ++i) sums[i] = 0;
      u.out = panel + map.data + r * unit;
      for (size_t tap = 0; tap < shape.taps; ++tap, u.out += tap_bytes) {
        u.in = s.data + (first_row + r + (s.taps.empty() ? 0 : s.taps[tap])) * from;
        move(u);
      }
      pack_fields(layout, map, s, first_row, r, u.columns, sums, nullptr, panel);
    }
  }
}

// Rows of nibbles are whole groups, in whole bytes.
bool rows_of_nibbles(const PackLayout& layout, const PackShape& shape, const PackSource& s) {
  return shape.kc != 0 && shape.kc % layout.kr == 0 && s.row_stride % 2 == 0 &&
         std::ranges::all_of(s.taps, [](size_t offset) { return offset % 2 == 0; });
}

}  // namespace

bool pack_quickly(const PackLayout& layout, const PackShape& shape, size_t vl32,
                  const PackSource& s, size_t first, size_t last, std::byte* out) {
  const size_t unit = layout.kr * layout_bits(layout.elem);
  if ((unit != 8 && unit != 16 && unit != 32 && unit != 64) ||
      (layout.join_taps && shape.taps > 1 && shape.kc % layout.kr != 0))
    return false;
  const bool nibbles = layout.elem == DType::kU4;
  if (nibbles ? !rows_of_nibbles(layout, shape, s) : layout.block_scales) return false;
  const PanelMap map = panel_map(layout, shape, vl32);
  if (s.row_stride == 1 && !nibbles) {
    MoveLines* const move = line_mover(layout, s.dtype);
    if (move != nullptr) pack_lines(layout, shape, map, s, move, first, last, out);
    return move != nullptr;
  }
  if (s.k_stride != 1) return false;
  MoveRows* const move = row_mover(layout, s.dtype);
  if (move != nullptr) pack_rows(layout, shape, map, s, move, first, last, out);
  return move != nullptr;
}

}  // namespace smelt
