#include "kernels/simd/sme.h"
// The vectors come first: tiles are written in their terms.
#include "kernels/gemm/mopa.inl"
#include "kernels/gemm/one_row_sme.inl"
#include "kernels/gemm/sme_kernel.inl"

namespace smelt {

namespace {
template <class Out>
using Tile = Mopa<MopaBF16, PlainWeights, FloatSum<Out>>;
template <class Out>
using Row = OneRow<DotBF16, PlainWeights, FloatSum<Out>>;
}  // namespace

extern constexpr GemmKernel gemm_pbf16_sme_1vlx4vl = sme_tiles(
    Isa::kSme, GemmVariant::kPbf16, "gemm_pbf16_sme_1vlx4vl", run_streaming<Tile<bfloat16_t>>);
extern constexpr GemmKernel gemm_pbf16_sme_1x4vl = sme_row(
    Isa::kSme, GemmVariant::kPbf16, "gemm_pbf16_sme_1x4vl", run_streaming_row<Row<bfloat16_t>>);
extern constexpr GemmKernel gemm_pbf16_f32_sme_1vlx4vl = sme_tiles(
    Isa::kSme, GemmVariant::kPbf16F32, "gemm_pbf16_f32_sme_1vlx4vl", run_streaming<Tile<float>>);
extern constexpr GemmKernel gemm_pbf16_f32_sme_1x4vl = sme_row(
    Isa::kSme, GemmVariant::kPbf16F32, "gemm_pbf16_f32_sme_1x4vl", run_streaming_row<Row<float>>);

}  // namespace smelt
