// How packed panels come to be: the signatures of packers, and the two that serve every layout. Kernels name the packers
// that are quickest for their layouts.
#pragma once

#include "base/row_quant.h"
#include "kernels/pack/layout.h"

namespace smelt {

struct PackSource;

/// Writes panels [first, last) of a matrix; `out` is where panel 0 begins. Different panels may be written by different
/// threads.
using PackPanels = void(const PackLayout&, const PackShape&, size_t vl32, const PackSource&, size_t first, size_t last,
                        std::byte* out);
PackPanels pack_panels;
/// The same bytes, for any layout and source, one element at a time: what quick ways are held against.
PackPanels pack_panels_by_element;

/// Packs m rows of a left side through pointers: rows[i * taps + t] points to kc elements. The layout has no fields; its
/// element type is that of the rows. `out` holds ceil(m / mr) panels.
using PackLhs = void(const PackLayout&, size_t vl32, size_t m, size_t taps, size_t kc, const void* const* rows,
                     std::byte* out);
PackLhs pack_lhs;

/// Quantises m rows of k floats for a kernel with dynamic rows, and packs them: a RowQuant per row, and the panels of pack_lhs();
/// for kernels that read rows in place, rows of k bytes, one after the other. rmin = min(0, row), rmax = max(0, row),
/// scale = (rmax - rmin) / 255, and the zero point from the end with the smaller error, half to even.
using QuantizeLhs = void(const PackLayout&, size_t vl32, size_t m, size_t k, const void* const* rows, RowQuant* row_quant,
                         std::byte* out);

}  // namespace smelt
