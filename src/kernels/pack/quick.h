// The quick ways of packing: for sources whose rows, or whose lines of k, are runs of memory.
#pragma once

#include "kernels/pack/pack.h"

namespace smelt {

/// pack_panels(), or false and nothing done where layout and source only allow packing by element.
bool pack_quickly(const PackLayout&, const PackShape&, size_t vl32, const PackSource&, size_t first,
                  size_t last, std::byte* out);

}  // namespace smelt
