#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/neon.h"

namespace smelt {

namespace {
// 5 x 2 x 2 registers of accumulators, 5 of the left side (four steps each) and 4 of weights: 29
// of 32.
template <int kRows, int kVecs>
using Tile = OuterProduct<NeonF32, NeonLoad16<BFloat16>, NeonLoad16<BFloat16>, NeonStore<BFloat16>,
                          kRows, kVecs>;

constexpr GemmKernel kernel(const char* name, uint16_t mr, uint16_t nr,
                            void (*run)(const GemmBlock&)) {
  return {.name = name,
          .isa = Isa::kNeon,
          .variant = GemmVariant::kPbf16,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr}, .elem = DType::kBF16, .head = kBias},
          .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_pbf16_neon_5x16 =
    kernel("gemm_pbf16_neon_5x16", 5, 16, run_tiles<Tile<5, 2>>);
extern constexpr GemmKernel gemm_pbf16_neon_8x8 =
    kernel("gemm_pbf16_neon_8x8", 8, 8, run_tiles<Tile<8, 1>>);

}  // namespace smelt
