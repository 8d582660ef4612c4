#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/gemm/scalar.h"

namespace smelt {

namespace {
using Tile = OuterProduct<ScalarF32, ScalarLoadBF16, ScalarLoadBF16, ScalarStore<BFloat16>, 4, 2>;
void run(const GemmBlock& g) { for_each_tile<Tile>(g); }
}  // namespace

extern constexpr GemmKernel gemm_pbf16_scalar_4x8{
    .name = "gemm_pbf16_scalar_4x8",
    .isa = Isa::kScalar,
    .variant = GemmVariant::kPbf16,
    .mr = {4},
    .nr = {8},
    .rhs = {.rows = {8}, .elem = DType::kBF16, .head = kBias},
    .run = run};

}  // namespace smelt
