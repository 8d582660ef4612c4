#include "kernels/simd/sme.h"
// The vectors come first: tiles are written in their terms.
#include "kernels/gemm/mopa_blocks.inl"
#include "kernels/gemm/nibbles_sme.inl"
#include "kernels/gemm/one_row_blocks_sme.inl"
#include "kernels/gemm/sme_kernel.inl"
#include "kernels/pack/sme_packers.h"

namespace smelt {

namespace {
using Tile = MopaBlocks<MopaS8, NibbleWeights, float>;
using Row = OneRowBlocks<DotS8, NibbleWeights, BlockSum<float>>;
constexpr PackLayout kRhs{.rows = {4, true}, .kr = 4, .elem = DType::kU4, .nibble_pairs = true, .tail = kBias | kScaledRowSum, .block_scales = true};
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qb4w_sme_1vlx4vl{
    .name = "gemm_qp8_f32_qb4w_sme_1vlx4vl",
    .isa = Isa::kSme,
    .variant = GemmVariant::kQp8F32Qb4w,
    .mr = {1, true},
    .nr = {4, true},
    .lhs_form = LhsForm::kPacked,
    .lhs = {.rows = {1, true}, .kr = 4, .elem = DType::kS8},
    .rhs = kRhs,
    .pack_lhs = pack_lhs_sme,
    .quantize_lhs = quantize_lhs_sme,
    .pack_rhs = pack_panels_sme,
    .run = run_streaming<Tile>};

extern constexpr GemmKernel gemm_qp8_f32_qb4w_sme_1x4vl{
    .name = "gemm_qp8_f32_qb4w_sme_1x4vl",
    .isa = Isa::kSme,
    .variant = GemmVariant::kQp8F32Qb4w,
    .mr = {1},
    .nr = {4, true},
    .rhs = kRhs,
    .quantize_lhs = quantize_row_sme,
    .pack_rhs = pack_panels_sme,
    .max_m = 1,
    .run = run_streaming_row<Row>};

}  // namespace smelt
