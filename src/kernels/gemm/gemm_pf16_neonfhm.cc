#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/neonfhm.h"

namespace smelt {

namespace {
// 5 x 2 x 2 registers of accumulators, 5 of the left side (eight steps each) and 2 of weights: 27
// of 32.
template <int kRows, int kVecs>
using Tile = OuterProduct<NeonFmlal, NeonHalves, NeonHalves, NeonStore<Half>, kRows, kVecs>;

constexpr GemmKernel kernel(const char* name, uint16_t mr, uint16_t nr,
                            void (*run)(const GemmBlock&)) {
  return {.name = name,
          .isa = Isa::kNeonFp16,
          .variant = GemmVariant::kPf16,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr}, .elem = DType::kF16, .head = kBias},
          .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_pf16_neonfhm_5x16 =
    kernel("gemm_pf16_neonfhm_5x16", 5, 16, run_tiles<Tile<5, 2>>);
extern constexpr GemmKernel gemm_pf16_neonfhm_8x8 =
    kernel("gemm_pf16_neonfhm_8x8", 8, 8, run_tiles<Tile<8, 1>>);

}  // namespace smelt
