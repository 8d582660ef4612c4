#include "kernels/simd/sme.h"
// The vectors come first: tiles are written in their terms.
#include "kernels/gemm/mopa.inl"
#include "kernels/gemm/one_row_sme.inl"
#include "kernels/gemm/sme_kernel.inl"

namespace smelt {

namespace {
using Tile = Mopa<MopaF32, PlainWeights, FloatSum<float>>;
using Row = OneRow<DotF32, PlainWeights, FloatSum<float>>;
}  // namespace

extern constexpr GemmKernel gemm_pf32_sme_1vlx4vl =
    sme_tiles(Isa::kSme, GemmVariant::kPf32, "gemm_pf32_sme_1vlx4vl", run_streaming<Tile>);
extern constexpr GemmKernel gemm_pf32_sme_1x4vl =
    sme_row(Isa::kSme, GemmVariant::kPf32, "gemm_pf32_sme_1x4vl", run_streaming_row<Row>);

}  // namespace smelt
