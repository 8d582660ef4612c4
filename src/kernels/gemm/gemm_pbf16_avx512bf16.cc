#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/avx512bf16.h"

namespace smelt {

namespace {
// 24 accumulators, 4 or 2 of weights and 1 of the left side: at most 29 of 32 registers. The wide tile stores whole lines
// of memory; the other wastes less where there are few columns. (12 x 16 would load 13 times for 12 products.)
template <int kRows, int kVecs>
using Tile = OuterProduct<Avx512Bf16, Avx512LoadPairs, Avx512WeightPairs, Avx512StorePairs, kRows, kVecs>;

constexpr GemmKernel kernel(const char* name, uint16_t mr, uint16_t nr, void (*run)(const GemmBlock&)) {
  return {
      .name = name,
      .isa = Isa::kAvx512Bf16,
      .variant = GemmVariant::kPbf16,
      .mr = {mr},
      .nr = {nr},
      .rhs = {.rows = {nr}, .kr = 2, .elem = DType::kBF16, .head = kBias},
      .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_pbf16_avx512bf16_6x64 =
    kernel("gemm_pbf16_avx512bf16_6x64", 6, 64, run_tiles<Tile<6, 4>>);
extern constexpr GemmKernel gemm_pbf16_avx512bf16_12x32 =
    kernel("gemm_pbf16_avx512bf16_12x32", 12, 32, run_tiles<Tile<12, 2>>);

}  // namespace smelt
