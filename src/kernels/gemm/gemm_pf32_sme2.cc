#include "kernels/simd/sme2.h"
// The vectors come first: the loop and the tiles are written in their terms.
#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/mopa.inl"
#include "kernels/pack/sme_packers.h"

namespace smelt {

namespace {
using Tile = Mopa<MopaF32, PlainWeights, FloatSum<float>>;
__arm_new("za") __arm_locally_streaming void run(const GemmBlock& g) {
  const GemmBlock copy = g;  // which no store to the output can change
  for_each_tile<Tile>(copy);
}
}  // namespace

extern constexpr GemmKernel gemm_pf32_sme2_1vlx4vl{
    .name = "gemm_pf32_sme2_1vlx4vl",
    .isa = Isa::kSme2,
    .variant = GemmVariant::kPf32,
    .mr = {1, true},
    .nr = {4, true},
    .lhs_form = LhsForm::kPacked,
    .lhs = {.rows = {1, true}, .elem = DType::kF32},
    .rhs = {.rows = {4, true}, .elem = DType::kF32, .head = kBias},
    .pack_lhs = pack_lhs_sme2,
    .run = run};

}  // namespace smelt
