#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/simd/avx2_int8.h"

namespace smelt {

namespace {
// 3 x 2 accumulators, 2 x 2 of unpacked weights, 2 constants, 1 of the left side and 1 product: 14 of 16 registers.
template <int kRows, int kVecs>
using Tile = Dot4<Avx2Int8, WeightsU4<Avx2Int8>, DynamicSum<Avx2Int8, Avx2Store<Half>>, kRows, kVecs>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f16_qc4w_avx2_3x16{
    .name = "gemm_qp8_f16_qc4w_avx2_3x16",
    .isa = Isa::kAvx2,
    .variant = GemmVariant::kQp8F16Qc4w,
    .mr = {3},
    .nr = {16},
    .rhs = {.rows = {16}, .kr = 4, .elem = DType::kU4, .tail = kBias | kRowSum | kScale},
    .run = run_tiles<Tile<3, 2>>};

}  // namespace smelt
