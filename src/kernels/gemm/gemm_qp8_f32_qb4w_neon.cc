#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/pack/neon_packers.h"
#include "kernels/simd/neon_int8.h"

namespace smelt {

namespace {
// 6 x 2 registers of sums of a block and as many totals, 6 of the left side and a few weights.
template <int kRows, int kVecs>
using Tile = Dot4<Sixteenths<NeonInt8>, WeightsU4<Sixteenths<NeonInt8>>,
                  BlockSum<Sixteenths<NeonInt8>, NeonStore<float>>, kRows, kVecs>;

constexpr GemmKernel kernel(const char* name, uint16_t mr, uint16_t nr,
                            void (*run)(const GemmBlock&)) {
  return {.name = name,
          .isa = Isa::kNeon,
          .variant = GemmVariant::kQp8F32Qb4w,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr},
                  .kr = 2,
                  .elem = DType::kU4,
                  .signed_nibbles = true,
                  .tail = kBias | kScaledRowSum,
                  .block_scales = true},
          .quantize_lhs = quantize_rows_neon,
          .max_k = kMaxSixteenths,
          .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qb4w_neon_6x8 =
    kernel("gemm_qp8_f32_qb4w_neon_6x8", 6, 8, run_tiles<Tile<6, 1>>);

}  // namespace smelt
