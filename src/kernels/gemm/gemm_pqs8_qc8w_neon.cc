#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/simd/neon_int8.h"

namespace smelt {

namespace {
// 5 x 2 x 2 registers of accumulators, 5 of the left side and a few weights.
template <int kRows, int kVecs>
using Tile = Dot4<NeonInt8, WeightsS8<NeonInt8>, StaticSum<NeonInt8>, kRows, kVecs>;

constexpr GemmKernel kernel(const char* name, uint16_t mr, uint16_t nr,
                            void (*run)(const GemmBlock&)) {
  return {.name = name,
          .isa = Isa::kNeon,
          .variant = GemmVariant::kPqs8Qc8w,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr}, .elem = DType::kS8, .head = kFoldedBias, .tail = kScale},
          .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_pqs8_qc8w_neon_5x16 =
    kernel("gemm_pqs8_qc8w_neon_5x16", 5, 16, run_tiles<Tile<5, 2>>);
extern constexpr GemmKernel gemm_pqs8_qc8w_neon_8x8 =
    kernel("gemm_pqs8_qc8w_neon_8x8", 8, 8, run_tiles<Tile<8, 1>>);

}  // namespace smelt
