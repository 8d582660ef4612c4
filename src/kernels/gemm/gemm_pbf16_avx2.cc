#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/avx2.h"

namespace smelt {

namespace {
// 6 x 2 accumulators, 2 of weights and 1 of the left side: 15 of 16 registers.
template <class Out>
using Tile =
    OuterProduct<Avx2F32, Avx2Load16<BFloat16>, Avx2Load16<BFloat16>, Avx2Store<Out>, 6, 2>;

template <class Out>
constexpr GemmKernel kernel(GemmVariant variant, const char* name) {
  return {.name = name,
          .isa = Isa::kAvx2,
          .variant = variant,
          .mr = {6},
          .nr = {16},
          .rhs = {.rows = {16}, .elem = DType::kBF16, .head = kBias},
          .run = run_tiles<Tile<Out>>};
}
}  // namespace

extern constexpr GemmKernel gemm_pbf16_avx2_6x16 =
    kernel<BFloat16>(GemmVariant::kPbf16, "gemm_pbf16_avx2_6x16");
extern constexpr GemmKernel gemm_pbf16_f32_avx2_6x16 =
    kernel<float>(GemmVariant::kPbf16F32, "gemm_pbf16_f32_avx2_6x16");

}  // namespace smelt
