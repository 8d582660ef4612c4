// Rows to columns: how the rows of a source become the k data of a panel. A unit is the kr elements
// of a row that stay together.
#pragma once

#include "kernels/pack/layout.h"

namespace smelt {

/// Scales of blocks of k, which follow the units of their block.
struct UnitBlocks {
  size_t bytes = 0;                   ///< of a row's block, in the panel; 0: there are none
  size_t out_stride = 0;              ///< from block to block in the panel
  const std::byte* scales = nullptr;  ///< bfloat16: of block b of row r at r * scale_stride + 2 b
  size_t scale_stride = 0;
  std::byte* out = nullptr;      ///< scales of block 0: row r at 2 r
  float* scaled_sums = nullptr;  ///< per row: added to
};

/// Unit u of row r goes to out + u * out_stride + r * unit (and further for each block of scales
/// before it).
struct UnitRows {
  size_t rows, unit;
  size_t bytes;  ///< of a row, in the panel; the last unit may be cut short
  const std::byte* in;
  size_t in_stride;
  std::byte* out;
  size_t out_stride;
  int32_t* sums;  ///< of integer elements less their zero point, per row, wrapping: added to
  UnitBlocks blocks = {};
};

/// The most rows that are moved together: 16 units of 4 bytes fill a line of the cache.
inline constexpr size_t kMovedRows = 16;

using MoveRows = void(const UnitRows&);

/// What moves rows of `source` elements, in order, into a panel; nothing if only packing element by
/// element does. Units are 1, 2, 4 or 8 bytes; rows of 4-bit elements are whole units.
MoveRows* row_mover(const PackLayout&, DType source);

/// The same for some layouts, in registers. Blocks are whole vectors of 16 bytes.
MoveRows* row_mover_neon(const PackLayout&, DType source);

}  // namespace smelt
