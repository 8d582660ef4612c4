#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/avx512.h"

namespace smelt {

namespace {
// 12 x 2 accumulators, 2 of weights and 1 of the left side: 27 of 32 registers, and 24
// multiply-adds for 14 loads.
template <int kRows, int kVecs>
using Tile =
    OuterProduct<Avx512F32, Avx512LoadF32, Avx512LoadF32, Avx512Store<float>, kRows, kVecs>;

constexpr GemmKernel kernel(const char* name, uint16_t mr, uint16_t nr,
                            void (*run)(const GemmBlock&)) {
  return {.name = name,
          .isa = Isa::kAvx512,
          .variant = GemmVariant::kPf32,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr}, .elem = DType::kF32, .head = kBias},
          .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_pf32_avx512_12x32 =
    kernel("gemm_pf32_avx512_12x32", 12, 32, run_tiles<Tile<12, 2>>);
extern constexpr GemmKernel gemm_pf32_avx512_12x16 =
    kernel("gemm_pf32_avx512_12x16", 12, 16, run_tiles<Tile<12, 1>>);

}  // namespace smelt
