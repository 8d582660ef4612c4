#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/gemm/scalar.h"

namespace smelt {

namespace {
using Tile = Dot4<ScalarDot4, WeightsU4<ScalarDot4>, DynamicSum<ScalarDot4, ScalarStore<float>>, 2, 1>;
void run(const GemmBlock& g) { for_each_tile<Tile>(g); }
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc4w_scalar_2x4{
    .name = "gemm_qp8_f32_qc4w_scalar_2x4",
    .isa = Isa::kScalar,
    .variant = GemmVariant::kQp8F32Qc4w,
    .mr = {2},
    .nr = {4},
    .rhs = {.rows = {4}, .kr = 8, .elem = DType::kU4, .tail = kBias | kRowSum | kScale},
    .run = run};

}  // namespace smelt
