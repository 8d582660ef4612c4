#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/mmla.inl"
#include "kernels/pack/neon_packers.h"
#include "kernels/simd/neonbf16.h"

namespace smelt {

namespace {
// 3 x 8 quads, 3 pairs of rows and a few weights at a time.
template <class Out, int kPairs, int kVecs>
using Tile = Mmla<NeonBf16, NeonBf16Weights, NeonFloatSum<NeonStore<Out>>, kPairs, kVecs>;

constexpr GemmKernel kernel(GemmVariant variant, const char* name, uint16_t mr, uint16_t nr,
                            void (*run)(const GemmBlock&)) {
  return {.name = name,
          .isa = Isa::kNeonBf16,
          .variant = variant,
          .mr = {mr},
          .nr = {nr},
          .lhs_form = LhsForm::kPacked,
          .lhs = {.rows = {2}, .kr = 4, .elem = DType::kBF16, .join_taps = true},
          .rhs = {.rows = {nr}, .kr = 4, .elem = DType::kBF16, .head = kBias, .join_taps = true},
          .pack_lhs = pack_pairs_neon,
          .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_pbf16_neonbf16_6x16 =
    kernel(GemmVariant::kPbf16, "gemm_pbf16_neonbf16_6x16", 6, 16, run_tiles<Tile<BFloat16, 3, 2>>);
extern constexpr GemmKernel gemm_pbf16_neonbf16_8x8 =
    kernel(GemmVariant::kPbf16, "gemm_pbf16_neonbf16_8x8", 8, 8, run_tiles<Tile<BFloat16, 4, 1>>);
extern constexpr GemmKernel gemm_pbf16_f32_neonbf16_6x16 = kernel(
    GemmVariant::kPbf16F32, "gemm_pbf16_f32_neonbf16_6x16", 6, 16, run_tiles<Tile<float, 3, 2>>);
extern constexpr GemmKernel gemm_pbf16_f32_neonbf16_8x8 = kernel(
    GemmVariant::kPbf16F32, "gemm_pbf16_f32_neonbf16_8x8", 8, 8, run_tiles<Tile<float, 4, 1>>);

}  // namespace smelt
