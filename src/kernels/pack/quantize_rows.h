// Quantising rows of floats for kernels whose rows carry a RowQuant each.
#pragma once

#include <cstddef>

#include "base/row_quant.h"

namespace smelt {

struct FloatRows {
  size_t rows, k;
  const void* const* row;  ///< [rows] pointers to k floats
  RowQuant* row_quant;     ///< [rows]: written
  std::byte* out;
  size_t panel_stride;  ///< of panels of vl rows; 0: rows of k bytes, one after the other
};

void quantize_rows_sme(const FloatRows&);
void quantize_rows_sme2(const FloatRows&);

}  // namespace smelt
