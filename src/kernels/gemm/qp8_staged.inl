// Kernels for dynamically quantised rows that convert rows on their way, as descriptors.
#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/gemm/qp8_weights.h"

namespace smelt {
namespace {

/// V multiplies; the other parameters are those of Dot4.
template <class V, class Weights, class Sum, int kRows, int kVecs>
constexpr GemmKernel qp8_staged(GemmVariant variant, const char* name) {
  constexpr uint16_t mr = kRows, nr = kVecs * V::kLanes;
  constexpr bool sixteenths = requires { V::kU4Shift; };
  GemmKernel kernel{
      .name = name,
      .isa = V::kIsa,
      .variant = variant,
      .mr = {mr},
      .nr = {nr},
      .rhs = qp8_weights(variant, nr, V::kK, sixteenths),
      .prepared = prepared_form<V>(run_tiles<Dot4<V, Weights, Sum, kRows, kVecs, PreparedRows>>),
      .run = run_tiles<Dot4<V, Weights, Sum, kRows, kVecs, StagedRows>>};
  if constexpr (sixteenths)
    if (kernel.rhs.elem == DType::kU4) kernel.max_k = V::kU4MaxK;
  return kernel;
}

}  // namespace
}  // namespace smelt
