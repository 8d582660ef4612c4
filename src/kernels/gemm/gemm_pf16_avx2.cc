#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/avx2.h"

namespace smelt {

namespace {
// 6 x 2 accumulators, 2 of weights and 1 of the left side: 15 of 16 registers.
template <template <class> class Rows>
using Tile = OuterProduct<Avx2F32, Avx2Load16<Half>, Avx2Load16<Half>, Avx2Store<Half>, 6, 2, Rows>;
}  // namespace

extern constexpr GemmKernel gemm_pf16_avx2_6x16{
    .name = "gemm_pf16_avx2_6x16",
    .isa = Isa::kAvx2,
    .variant = GemmVariant::kPf16,
    .mr = {6},
    .nr = {16},
    .rhs = {.rows = {16}, .elem = DType::kF16, .head = kBias},
    .prepared = prepared_form<Avx2Load16<Half>>(run_tiles<Tile<PreparedRows>>),
    .run = run_tiles<Tile<StagedRows>>};

}  // namespace smelt
