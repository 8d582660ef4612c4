#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/pack/neon_packers.h"
#include "kernels/simd/neon_int8.h"

namespace smelt {

namespace {
// 8 x 2 registers of accumulators, 8 of the left side and a few weights: unpacked once for 8 rows.
template <int kRows, int kVecs>
using Tile = Dot4<Sixteenths<NeonInt8>, WeightsU4<Sixteenths<NeonInt8>>,
                  DynamicSum<Sixteenths<NeonInt8>, NeonStore<float>>, kRows, kVecs>;

constexpr GemmKernel kernel(const char* name, uint16_t mr, uint16_t nr,
                            void (*run)(const GemmBlock&)) {
  return {.name = name,
          .isa = Isa::kNeon,
          .variant = GemmVariant::kQp8F32Qc4w,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr},
                  .kr = 2,
                  .elem = DType::kU4,
                  .signed_nibbles = true,
                  .tail = kBias | kRowSum | kScale},
          .quantize_lhs = quantize_rows_neon,
          .max_k = kMaxSixteenths,
          .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc4w_neon_8x8 =
    kernel("gemm_qp8_f32_qc4w_neon_8x8", 8, 8, run_tiles<Tile<8, 1>>);

}  // namespace smelt
