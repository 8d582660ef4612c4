// What a product is, in exact integers or double: the truth that kernels are tested against. Slow.
#pragma once

#include <vector>

#include "kernels/gemm/select.h"
#include "kernels/pack/pack.h"

namespace smelt {

struct ReferenceGemm {
  GemmVariant variant;
  GemmShape shape;
  const void* const* rows;  ///< [m][taps] pointers to kc elements of the variant's lhs type
  const RowQuant* row_quant = nullptr;
  size_t row_quant_stride = 0;
  PackSource rhs;           ///< weights, bias and scales as they are before packing; lhs_zero for static int8
  OutputStage stage{};
};

struct ReferenceOutput {
  double value;      ///< clamped; not yet rounded to a floating output type, the stored integer for an int8 one
  double magnitude;  ///< sum of the absolute values of all terms: rounding errors are relative to it
};

/// [m][n]
std::vector<ReferenceOutput> reference_gemm(const ReferenceGemm&);

}  // namespace smelt
