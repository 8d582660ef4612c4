#include "kernels/simd/sme.h"
// The vectors come first: tiles are written in their terms.
#include "kernels/gemm/mopa.inl"
#include "kernels/gemm/one_row_sme.inl"
#include "kernels/gemm/sme_kernel.inl"

namespace smelt {

namespace {
using Tile = Mopa<MopaS8, PlainWeights, StaticSum>;
using Row = OneRow<DotS8, PlainWeights, StaticSum>;
}  // namespace

extern constexpr GemmKernel gemm_pqs8_qc8w_sme_1vlx4vl =
    sme_tiles(Isa::kSme, GemmVariant::kPqs8Qc8w, "gemm_pqs8_qc8w_sme_1vlx4vl", run_streaming<Tile>);
extern constexpr GemmKernel gemm_pqs8_qc8w_sme_1x4vl =
    sme_row(Isa::kSme, GemmVariant::kPqs8Qc8w, "gemm_pqs8_qc8w_sme_1x4vl", run_streaming_row<Row>);

}  // namespace smelt
