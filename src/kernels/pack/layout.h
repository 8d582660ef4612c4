// The whole truth about packed bytes.
//
// A packed matrix is a row of panels. A panel holds `rows` rows of the operand (columns of the product for weights, rows
// of it for a packed left side), for the whole k:
//
//   | head fields | k data                                        | tail fields | pad to 64 bytes |
//                   group 0: row 0 [kr], row 1 [kr], … row r-1 [kr]
//                   group 1: row 0 [kr], …
//                   … (with block scales: after the groups of each block, a bfloat16 per row)
//
// Fields hold 4 bytes per row, in the order of their bits. Rows beyond the matrix and k beyond its end are zero.
// k runs over `taps` runs of `kc` elements (one run for a plain matrix, one per filter tap for a convolution); each run is
// padded to a multiple of kr by itself, because each is read through a pointer of its own, unless join_taps is set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "smelt/dtype.hpp"

namespace smelt {

/// The edge of a tile: a fixed count, or a multiple of the number of 32-bit lanes of a streaming vector.
struct Extent {
  uint16_t count = 1;
  bool times_vl = false;
  constexpr size_t at(size_t vl32) const { return times_vl ? count * vl32 : count; }
  friend constexpr bool operator==(Extent, Extent) = default;
};

/// What lies before or after a panel's k data: bits, combined into PackLayout::head and ::tail.
enum PanelField : uint8_t {
  kBias = 1,          ///< float32
  kFoldedBias = 2,    ///< int32: bias - (zero point of lhs + lhs_offset) x row sum
  kRowSum = 4,        ///< int32: sum of the row's (stored - zero)
  kScale = 8,         ///< float32: the row's scale
  kScaledRowSum = 16  ///< float32: sum of the row's (stored - zero) x block scale
};
inline constexpr uint8_t kAllPanelFields = 31;

struct PackLayout {
  Extent rows;                ///< height of a panel: mr or nr
  uint8_t kr = 1;             ///< consecutive k kept together; even for kU4
  DType elem = DType::kF32;   ///< kU4: byte b of a row's kr/2 holds k = b (low nibble) and k = b + kr/2 (high nibble)
  bool nibble_pairs = false;  ///< kU4: byte b holds k = 2b and 2b + 1 instead, as in the model's file
  bool signed_nibbles = false;  ///< kU4: nibbles hold w - 8 in two's complement instead of w
  uint8_t head = 0, tail = 0;
  bool block_scales = false;
  bool join_taps = false;     ///< k is one run: for kernels whose lhs is packed too
  uint8_t lhs_offset = 0;     ///< added to each lhs element by the kernel: 128 where int8 is multiplied as unsigned
  friend constexpr bool operator==(const PackLayout&, const PackLayout&) = default;
};

/// The matrix that is packed: `rows` rows, k = taps x kc. With block scales, `block` elements share one; it divides kc and
/// is a multiple of kr, and there is one tap.
struct PackShape {
  size_t rows = 0, kc = 0, taps = 1, block = 0;
  friend constexpr bool operator==(const PackShape&, const PackShape&) = default;
};

/// Byte offsets within a panel, for one layout, shape and vector length.
struct PanelMap {
  size_t rows;         ///< of a panel
  size_t runs;         ///< runs of k that are padded to kr
  size_t run_groups;   ///< groups of kr per run
  size_t group_bytes;  ///< rows x kr elements
  size_t block_groups; ///< groups between block scales; 0: none
  size_t data;         ///< offset of group 0
  size_t tail;         ///< offset of the tail fields
  size_t stride;       ///< from panel to panel

  /// Offset of a group, counted over all runs.
  constexpr size_t group(size_t index) const {
    return data + index * group_bytes + (block_groups == 0 ? 0 : index / block_groups * rows * 2);
  }
};

constexpr size_t field_count(uint8_t fields) {
  size_t n = 0;
  for (; fields != 0; fields &= uint8_t(fields - 1)) ++n;
  return n;
}

constexpr size_t layout_bits(DType elem) {
  switch (elem) {
    case DType::kF32: return 32;
    case DType::kF16:
    case DType::kBF16: return 16;
    case DType::kU4: return 4;
    default: return 8;
  }
}

/// The caller has checked the sizes with packed_bytes().
constexpr PanelMap panel_map(const PackLayout& layout, const PackShape& shape, size_t vl32) {
  PanelMap map{};
  map.rows = layout.rows.at(vl32);
  map.runs = layout.join_taps ? (shape.taps != 0 ? 1 : 0) : shape.taps;
  const size_t run = layout.join_taps ? shape.taps * shape.kc : shape.kc;
  map.run_groups = (run + layout.kr - 1) / layout.kr;
  map.group_bytes = map.rows * layout.kr * layout_bits(layout.elem) / 8;
  map.block_groups = layout.block_scales ? shape.block / layout.kr : 0;
  map.data = field_count(layout.head) * map.rows * 4;
  map.tail = map.group(map.runs * map.run_groups);
  const size_t end = map.tail + field_count(layout.tail) * map.rows * 4;
  map.stride = (end + 63) / 64 * 64;
  return map;
}

/// Offset of a field within a panel; the layout has it.
constexpr size_t field_offset(const PackLayout& layout, const PanelMap& map, PanelField field) {
  const uint8_t before = uint8_t(field - 1);
  if ((layout.head & field) != 0) return field_count(layout.head & before) * map.rows * 4;
  return map.tail + field_count(layout.tail & before) * map.rows * 4;
}

}  // namespace smelt
