#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/simd/avx2_int8.h"

namespace smelt {

namespace {
// 3 x 2 accumulators of a block and as many totals, 2 of weights, 1 of the left side, 1 product: 16 of 16 registers.
template <int kRows, int kVecs>
using Tile = Dot4<Avx2Int8, WeightsU4<Avx2Int8>, BlockSum<Avx2Int8, Avx2Store<Half>>, kRows, kVecs>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f16_qb4w_avx2_3x16{
    .name = "gemm_qp8_f16_qb4w_avx2_3x16",
    .isa = Isa::kAvx2,
    .variant = GemmVariant::kQp8F16Qb4w,
    .mr = {3},
    .nr = {16},
    .rhs = {.rows = {16}, .kr = 4, .elem = DType::kU4, .tail = kBias | kScaledRowSum, .block_scales = true},
    .run = run_tiles<Tile<3, 2>>};

}  // namespace smelt
