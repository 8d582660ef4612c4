#include "kernels/simd/sme2.h"
// The vectors come first: tiles are written in their terms.
#include "kernels/gemm/mopa.inl"
#include "kernels/gemm/one_row_sme2.inl"
#include "kernels/gemm/sme_kernel.inl"

namespace smelt {

namespace {
using Tile = Mopa<MopaF16, PlainWeights, FloatSum<float16_t>>;
using Row = OneRow<DotF16, PlainWeights, FloatSum<float16_t>>;
}  // namespace

extern constexpr GemmKernel gemm_pf16_sme2_1vlx4vl =
    sme_tiles(Isa::kSme2, GemmVariant::kPf16, "gemm_pf16_sme2_1vlx4vl", run_streaming<Tile>);
extern constexpr GemmKernel gemm_pf16_sme2_1x4vl =
    sme_row(Isa::kSme2, GemmVariant::kPf16, "gemm_pf16_sme2_1x4vl", run_streaming_row<Row>);

}  // namespace smelt
