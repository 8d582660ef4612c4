#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/gemm/scalar.h"

namespace smelt {

namespace {
template <class Out>
using Tile = OuterProduct<ScalarF32, ScalarLoadBF16, ScalarLoadBF16, ScalarStore<Out>, 4, 2>;

template <class Out>
constexpr GemmKernel kernel(GemmVariant variant, const char* name) {
  return {.name = name,
          .isa = Isa::kScalar,
          .variant = variant,
          .mr = {4},
          .nr = {8},
          .rhs = {.rows = {8}, .elem = DType::kBF16, .head = kBias},
          .run = run_tiles<Tile<Out>>};
}
}  // namespace

extern constexpr GemmKernel gemm_pbf16_scalar_4x8 =
    kernel<BFloat16>(GemmVariant::kPbf16, "gemm_pbf16_scalar_4x8");
extern constexpr GemmKernel gemm_pbf16_f32_scalar_4x8 =
    kernel<float>(GemmVariant::kPbf16F32, "gemm_pbf16_f32_scalar_4x8");

}  // namespace smelt
