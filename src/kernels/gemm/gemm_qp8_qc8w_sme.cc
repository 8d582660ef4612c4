#include "kernels/simd/sme.h"
// The vectors come first: tiles are written in their terms.
#include "kernels/gemm/mopa.inl"
#include "kernels/gemm/one_row_sme.inl"
#include "kernels/gemm/sme_kernel.inl"

namespace smelt {

namespace {
template <class Out>
using Tile = Mopa<MopaS8, PlainWeights, DynamicSum<Out>>;
template <class Out>
using Row = OneRow<DotS8, PlainWeights, DynamicSum<Out>>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc8w_sme_1vlx4vl =
    sme_tiles(Isa::kSme, GemmVariant::kQp8F32Qc8w, "gemm_qp8_f32_qc8w_sme_1vlx4vl",
              run_streaming<Tile<float>>);
extern constexpr GemmKernel gemm_qp8_f32_qc8w_sme_1x4vl =
    sme_row(Isa::kSme, GemmVariant::kQp8F32Qc8w, "gemm_qp8_f32_qc8w_sme_1x4vl",
            run_streaming_row<Row<float>>);
extern constexpr GemmKernel gemm_qp8_f16_qc8w_sme_1vlx4vl =
    sme_tiles(Isa::kSme, GemmVariant::kQp8F16Qc8w, "gemm_qp8_f16_qc8w_sme_1vlx4vl",
              run_streaming<Tile<float16_t>>);
extern constexpr GemmKernel gemm_qp8_f16_qc8w_sme_1x4vl =
    sme_row(Isa::kSme, GemmVariant::kQp8F16Qc8w, "gemm_qp8_f16_qc8w_sme_1x4vl",
            run_streaming_row<Row<float16_t>>);

}  // namespace smelt
