// The fields of a panel: what it holds per row beside the data.
#pragma once

#include "kernels/pack/pack.h"

namespace smelt {

/// Writes the fields of rows r to r + count - 1 of a panel, whose row 0 is row first_row of the
/// source. For fields that need them: `sums`, of each row's (stored - zero), which wrap like the
/// kernels' accumulators; `scaled_sums`, times the blocks' scales.
void pack_fields(const PackLayout&, const PanelMap&, const PackSource&, size_t first_row, size_t r,
                 size_t count, const int32_t* sums, const float* scaled_sums, std::byte* panel);

}  // namespace smelt
