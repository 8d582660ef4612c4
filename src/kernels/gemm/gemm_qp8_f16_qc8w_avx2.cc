#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/simd/avx2_int8.h"

namespace smelt {

namespace {
// 5 x 2 accumulators, 2 of weights, 1 of the left side and 1 product: 14 of 16 registers.
template <template <class> class Rows>
using Tile = Dot4<Avx2Int8, WeightsS8<Avx2Int8>, DynamicSum<Avx2Int8, Avx2Store<Half>>, 5, 2, Rows>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f16_qc8w_avx2_5x16{
    .name = "gemm_qp8_f16_qc8w_avx2_5x16",
    .isa = Isa::kAvx2,
    .variant = GemmVariant::kQp8F16Qc8w,
    .mr = {5},
    .nr = {16},
    .rhs = {.rows = {16}, .kr = 2, .elem = DType::kS8, .tail = kBias | kRowSum | kScale},
    .prepared = prepared_form<Avx2Int8>(run_tiles<Tile<PreparedRows>>),
    .run = run_tiles<Tile<StagedRows>>};

}  // namespace smelt
