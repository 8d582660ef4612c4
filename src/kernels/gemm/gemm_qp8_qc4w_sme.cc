#include "kernels/simd/sme.h"
// The vectors come first: tiles are written in their terms.
#include "kernels/gemm/mopa.inl"
#include "kernels/gemm/nibbles_sme.inl"
#include "kernels/gemm/one_row_sme.inl"
#include "kernels/gemm/sme_kernel.inl"

namespace smelt {

namespace {
template <class Out>
using Tile = Mopa<MopaS8, NibbleWeights, DynamicSum<Out>>;
template <class Out>
using Row = OneRow<DotS8, NibbleWeights, DynamicSum<Out>>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc4w_sme_1vlx4vl =
    sme_tiles(Isa::kSme, GemmVariant::kQp8F32Qc4w, "gemm_qp8_f32_qc4w_sme_1vlx4vl",
              run_streaming<Tile<float>>);
extern constexpr GemmKernel gemm_qp8_f32_qc4w_sme_1x4vl =
    sme_row(Isa::kSme, GemmVariant::kQp8F32Qc4w, "gemm_qp8_f32_qc4w_sme_1x4vl",
            run_streaming_row<Row<float>>);
extern constexpr GemmKernel gemm_qp8_f16_qc4w_sme_1vlx4vl =
    sme_tiles(Isa::kSme, GemmVariant::kQp8F16Qc4w, "gemm_qp8_f16_qc4w_sme_1vlx4vl",
              run_streaming<Tile<float16_t>>);
extern constexpr GemmKernel gemm_qp8_f16_qc4w_sme_1x4vl =
    sme_row(Isa::kSme, GemmVariant::kQp8F16Qc4w, "gemm_qp8_f16_qc4w_sme_1x4vl",
            run_streaming_row<Row<float16_t>>);

}  // namespace smelt
