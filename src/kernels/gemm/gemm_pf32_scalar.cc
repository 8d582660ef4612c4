#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/gemm/scalar.h"

namespace smelt {

namespace {
// 4 x 8 = 8 baseline vectors of accumulators, out of 16 registers.
using Tile = OuterProduct<ScalarF32, ScalarLoadF32, ScalarLoadF32, ScalarStore<float>, 4, 2>;
void run(const GemmBlock& g) { for_each_tile<Tile>(g); }
}  // namespace

extern constexpr GemmKernel gemm_pf32_scalar_4x8{
    .name = "gemm_pf32_scalar_4x8",
    .isa = Isa::kScalar,
    .variant = GemmVariant::kPf32,
    .mr = {4},
    .nr = {8},
    .rhs = {.rows = {8}, .elem = DType::kF32, .head = kBias},
    .run = run};

}  // namespace smelt
