// The quick ways of packing: for sources whose rows, or whose lines of k, are runs of memory.
#pragma once

#include "kernels/pack/pack.h"

namespace smelt {

/// One panel, whose row 0 is row first_row of the source.
using PackPanel = void(const PackLayout&, const PackShape&, const PanelMap&, const PackSource&,
                       size_t first_row, std::byte* panel);

/// A way that serves a layout and a source, or null.
PackPanel* quick_panel(const PackLayout&, const PackShape&, const PackSource&);

}  // namespace smelt
