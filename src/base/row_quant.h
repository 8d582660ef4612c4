// What a per-token quantiser found for one row. Here, below tensors, because kernels read and write
// it.
#pragma once

#include <cstdint>

namespace smelt {

/// real = (stored - zero) x scale, for all elements of one row.
struct RowQuant {
  int32_t zero;
  float scale;
};

}  // namespace smelt
