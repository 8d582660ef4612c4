#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/gemm/mmla.inl"
#include "kernels/pack/neon_packers.h"
#include "kernels/simd/neoni8mm.h"

namespace smelt {

namespace {
// 3 x 8 quads, 3 pairs of rows and a few weights.
template <int kPairs, int kVecs>
using Tile = Mmla<NeonI8mm, WeightsS8<NeonI8mm>, StaticSum<NeonI8mm>, kPairs, kVecs>;

constexpr GemmKernel kernel(const char* name, uint16_t mr, uint16_t nr,
                            void (*run)(const GemmBlock&)) {
  return {.name = name,
          .isa = Isa::kNeonI8mm,
          .variant = GemmVariant::kPqs8Qc8w,
          .mr = {mr},
          .nr = {nr},
          .lhs_form = LhsForm::kPacked,
          .lhs = {.rows = {2}, .kr = 8, .elem = DType::kS8, .join_taps = true},
          .rhs = {.rows = {nr},
                  .kr = 8,
                  .elem = DType::kS8,
                  .head = kFoldedBias,
                  .tail = kScale,
                  .join_taps = true},
          .pack_lhs = pack_pairs_neon,
          .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_pqs8_qc8w_neoni8mm_6x16 =
    kernel("gemm_pqs8_qc8w_neoni8mm_6x16", 6, 16, run_tiles<Tile<3, 2>>);
extern constexpr GemmKernel gemm_pqs8_qc8w_neoni8mm_8x8 =
    kernel("gemm_pqs8_qc8w_neoni8mm_8x8", 8, 8, run_tiles<Tile<4, 1>>);

}  // namespace smelt
