// Rows that are quantised while running, in the form that a kernel reads: floats become it in one
// pass, once for all products that read them.
#pragma once

#include "kernels/gemm/gemm_kernel.h"

namespace smelt {

/// `rows` rows of k values for a kernel that has a QuantizeLhs: panels of its `lhs` layout where it
/// packs its left side, otherwise rows of k bytes, one after the other.
struct QuantizedLhs {
  const GemmKernel* kernel = nullptr;
  size_t vl32 = 0;
  size_t rows = 0, k = 0;

  /// Whose instructions quantise: kernels of all tiers of Advanced SIMD share quantisers.
  Isa isa() const;
  bool packed() const { return kernel->lhs_form == LhsForm::kPacked; }
  /// Rows that have to be quantised together.
  size_t panel_rows() const { return packed() ? kernel->lhs.rows.at(vl32) : 1; }
  size_t panel_stride() const;  ///< in bytes
  size_t panels() const { return (rows + panel_rows() - 1) / panel_rows(); }
  size_t bytes() const { return panels() * panel_stride(); }

  /// Quantises rows [first, last), which begin a panel and end one or are the last. `floats` is
  /// where row `first` lies; `row_quant` and `out` are where those of row 0 do.
  void quantize(size_t first, size_t last, const float* floats, RowQuant* row_quant,
                std::byte* out) const noexcept;

  /// True if the bytes are the same, and come from the same function.
  friend bool operator==(const QuantizedLhs&, const QuantizedLhs&);
};

}  // namespace smelt
