#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/neon.h"

namespace smelt {

namespace {
// 5 x 2 x 2 registers of accumulators, 5 of the left side (four steps each) and 4 of weights: 29
// of 32.
template <class Out, int kRows, int kVecs>
using Tile =
    OuterProduct<NeonF32, NeonLoad16<BFloat16>, NeonLoad16<BFloat16>, NeonStore<Out>, kRows, kVecs>;

constexpr GemmKernel kernel(GemmVariant variant, const char* name, uint16_t mr, uint16_t nr,
                            void (*run)(const GemmBlock&)) {
  return {.name = name,
          .isa = Isa::kNeon,
          .variant = variant,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr}, .elem = DType::kBF16, .head = kBias},
          .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_pbf16_neon_5x16 =
    kernel(GemmVariant::kPbf16, "gemm_pbf16_neon_5x16", 5, 16, run_tiles<Tile<BFloat16, 5, 2>>);
extern constexpr GemmKernel gemm_pbf16_neon_8x8 =
    kernel(GemmVariant::kPbf16, "gemm_pbf16_neon_8x8", 8, 8, run_tiles<Tile<BFloat16, 8, 1>>);
extern constexpr GemmKernel gemm_pbf16_f32_neon_5x16 =
    kernel(GemmVariant::kPbf16F32, "gemm_pbf16_f32_neon_5x16", 5, 16, run_tiles<Tile<float, 5, 2>>);
extern constexpr GemmKernel gemm_pbf16_f32_neon_8x8 =
    kernel(GemmVariant::kPbf16F32, "gemm_pbf16_f32_neon_8x8", 8, 8, run_tiles<Tile<float, 8, 1>>);

}  // namespace smelt
