// One generic packer and unpacker for every layout.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/float16.h"
#include "kernels/pack/packers.h"

namespace smelt {

/// A matrix in memory, before packing. Element (row, tap, c) is number row * row_stride + taps[tap] + c * k_stride, counted
/// from `data` in elements (for kU4 in nibbles, the low nibble of a byte first). Owns nothing; nothing need be aligned.
struct PackSource {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;  ///< any floating type for a floating layout; kS8 or kU4 (zero point 8) for an integer one
  size_t row_stride = 0, k_stride = 1;
  std::span<const size_t> taps = {};  ///< empty: one tap, at 0
  const std::byte* bias = nullptr;   ///< one per row; null: none
  DType bias_dtype = DType::kF32;    ///< kS32 for kFoldedBias, otherwise floating
  const float* scale = nullptr;      ///< one per row, for kScale
  const BFloat16* block_scale = nullptr;  ///< [row][kc / block]
  int32_t lhs_zero = 0;              ///< zero point of the other side, for kFoldedBias
};

/// Bytes of all panels; nothing if they do not fit ptrdiff_t, or if the layout cannot hold the shape.
std::optional<size_t> packed_bytes(const PackLayout&, const PackShape&, size_t vl32);

/// Panels of a matrix of `rows` rows.
inline size_t panel_count(const PackLayout& layout, const PackShape& shape, size_t vl32) {
  const size_t r = layout.rows.at(vl32);
  return (shape.rows + r - 1) / r;
}

/// All panels.
inline void pack(const PackLayout& layout, const PackShape& shape, size_t vl32, const PackSource& source,
                 std::byte* out) {
  pack_panels(layout, shape, vl32, source, 0, panel_count(layout, shape, vl32), out);
}

/// What packed bytes hold, as the layout says. Integers as they are, less the zero point; floating values as float.
struct Unpacked {
  std::vector<float> values;                ///< [rows][taps][kc]
  std::vector<float> bias, scale, scaled_row_sum;
  std::vector<int32_t> folded_bias, row_sum;
  std::vector<float> block_scale;           ///< [rows][kc / block]
};
Unpacked unpack(const PackLayout&, const PackShape&, size_t vl32, const std::byte* packed);

/// An element of the source as a number: integers less the zero point.
float source_value(const PackSource&, size_t row, size_t tap, size_t c);
/// The bias of a row; 0 without one. kS32 biases are exact.
double source_bias(const PackSource&, size_t row);

}  // namespace smelt
