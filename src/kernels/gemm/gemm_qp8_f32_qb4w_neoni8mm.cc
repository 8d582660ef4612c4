#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/gemm/mmla.inl"
#include "kernels/pack/neon_packers.h"
#include "kernels/simd/neoni8mm.h"

namespace smelt {

namespace {
// 4 x 4 quads of a block, 4 pairs of rows (two words of each) and a few weights. Totals are in
// memory meanwhile.
template <int kPairs, int kVecs>
using Tile = Mmla<Sixteenths<NeonI8mm>, WeightsU4<Sixteenths<NeonI8mm>>,
                  BlockSum<Sixteenths<NeonI8mm>, NeonStore<float>>, kPairs, kVecs>;

constexpr GemmKernel kernel(const char* name, uint16_t mr, uint16_t nr,
                            void (*run)(const GemmBlock&)) {
  return {.name = name,
          .isa = Isa::kNeonI8mm,
          .variant = GemmVariant::kQp8F32Qb4w,
          .mr = {mr},
          .nr = {nr},
          .lhs_form = LhsForm::kPacked,
          .lhs = {.rows = {2}, .kr = 8, .elem = DType::kS8, .join_taps = true},
          .rhs = {.rows = {nr},
                  .kr = 16,
                  .elem = DType::kU4,
                  .signed_nibbles = true,
                  .tail = kBias | kScaledRowSum,
                  .block_scales = true,
                  .join_taps = true},
          .pack_lhs = pack_pairs_neon,
          .quantize_lhs = quantize_pairs_neon,
          .max_k = kMaxSixteenths,
          .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qb4w_neoni8mm_8x8 =
    kernel("gemm_qp8_f32_qb4w_neoni8mm_8x8", 8, 8, run_tiles<Tile<4, 1>>);

}  // namespace smelt
