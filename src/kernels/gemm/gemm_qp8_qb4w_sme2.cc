#include "kernels/simd/sme2_lut.h"
// The vectors come first: tiles are written in their terms.
#include "kernels/gemm/mopa_blocks.inl"
#include "kernels/gemm/nibbles_sme.inl"
#include "kernels/gemm/one_row_blocks_sme2.inl"
#include "kernels/gemm/sme_kernel.inl"

namespace smelt {

namespace {
template <class Out>
using Tile = MopaBlocks<MopaS8, NibbleWeights, Out>;
template <class Out>
using Row = OneRowBlocks<DotS8, NibbleWeights, BlockSum<Out>>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qb4w_sme2_1vlx4vl =
    sme_tiles(Isa::kSme2, GemmVariant::kQp8F32Qb4w, "gemm_qp8_f32_qb4w_sme2_1vlx4vl",
              run_streaming<Tile<float>>);
extern constexpr GemmKernel gemm_qp8_f32_qb4w_sme2_1x4vl =
    sme_row(Isa::kSme2, GemmVariant::kQp8F32Qb4w, "gemm_qp8_f32_qb4w_sme2_1x4vl",
            run_streaming_row<Row<float>>);
extern constexpr GemmKernel gemm_qp8_f16_qb4w_sme2_1vlx4vl =
    sme_tiles(Isa::kSme2, GemmVariant::kQp8F16Qb4w, "gemm_qp8_f16_qb4w_sme2_1vlx4vl",
              run_streaming<Tile<float16_t>>);
extern constexpr GemmKernel gemm_qp8_f16_qb4w_sme2_1x4vl =
    sme_row(Isa::kSme2, GemmVariant::kQp8F16Qb4w, "gemm_qp8_f16_qb4w_sme2_1x4vl",
            run_streaming_row<Row<float16_t>>);

}  // namespace smelt
