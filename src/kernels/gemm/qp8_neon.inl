// What kernels of Advanced SIMD for dynamically quantised rows have in common: how rows are
// quantised.
#pragma once

#include "kernels/gemm/qp8_weights.h"
#include "kernels/pack/neon_packers.h"
#include "kernels/simd/neon_int8.h"

namespace smelt {
namespace {

/// A kernel that reads rows where they are. V multiplies.
template <class V>
constexpr GemmKernel qp8_rows(GemmVariant variant, const char* name, uint16_t mr, uint16_t nr,
                              void (*run)(const GemmBlock&)) {
  GemmKernel kernel{.name = name,
                    .isa = V::kIsa,
                    .variant = variant,
                    .mr = {mr},
                    .nr = {nr},
                    .rhs = qp8_weights(variant, nr, V::kK),
                    .quantize_lhs = quantize_rows_neon,
                    .run = run};
  if (kernel.rhs.elem == DType::kU4) kernel.max_k = kMaxSixteenths;
  return kernel;
}

/// A kernel that reads pairs of rows, packed.
template <class V>
constexpr GemmKernel qp8_pairs(GemmVariant variant, const char* name, uint16_t mr, uint16_t nr,
                               void (*run)(const GemmBlock&)) {
  GemmKernel kernel = qp8_rows<V>(variant, name, mr, nr, run);
  kernel.lhs_form = LhsForm::kPacked;
  kernel.lhs = {.rows = {2}, .kr = V::kK, .elem = DType::kS8, .join_taps = true};
  kernel.rhs.join_taps = true;
  kernel.pack_lhs = pack_pairs_neon;
  kernel.quantize_lhs = quantize_pairs_neon;
  return kernel;
}

}  // namespace
}  // namespace smelt
