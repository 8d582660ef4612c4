// Lines to columns: how the lines of k of a source become the k data of a panel, where a line is
// one element of each row.
#pragma once

#include "kernels/pack/layout.h"

namespace smelt {

/// Element r of lines g kr … g kr + kr - 1 go side by side to out + g * out_stride + r * kr
/// elements; lines beyond the last are zeros.
struct UnitLines {
  size_t columns;  ///< elements of a line, at most kMovedColumns
  size_t lines;
  const std::byte* in;
  size_t in_stride;
  std::byte* out;
  size_t out_stride;
  int32_t* sums;  ///< of int8, per column, wrapping: added to
};
inline constexpr size_t kMovedColumns = 256;

using MoveLines = void(const UnitLines&);

/// What moves lines of `source` elements into a panel, whose kr is 1, 2, 4 or 8; nothing if only
/// packing element by element does.
MoveLines* line_mover(const PackLayout&, DType source);

/// The same for some layouts, in registers.
MoveLines* line_mover_neon(const PackLayout&, DType source);

}  // namespace smelt
