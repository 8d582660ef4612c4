#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/pack/neon_packers.h"
#include "kernels/simd/neondot.h"

namespace smelt {

namespace {
// 8 x 2 registers of sums of a block, 8 of the left side and a few weights. Totals are in memory
// meanwhile.
template <int kRows, int kVecs>
using Tile = Dot4<Sixteenths<NeonDot>, WeightsU4<Sixteenths<NeonDot>>,
                  BlockSum<Sixteenths<NeonDot>, NeonStore<Half>>, kRows, kVecs>;

constexpr GemmKernel kernel(const char* name, uint16_t mr, uint16_t nr,
                            void (*run)(const GemmBlock&)) {
  return {.name = name,
          .isa = Isa::kNeonDot,
          .variant = GemmVariant::kQp8F16Qb4w,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr},
                  .kr = 8,
                  .elem = DType::kU4,
                  .signed_nibbles = true,
                  .tail = kBias | kScaledRowSum,
                  .block_scales = true},
          .quantize_lhs = quantize_rows_neon,
          .max_k = kMaxSixteenths,
          .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f16_qb4w_neondot_8x8 =
    kernel("gemm_qp8_f16_qb4w_neondot_8x8", 8, 8, run_tiles<Tile<8, 1>>);

}  // namespace smelt
