#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/avx512bf16.h"

namespace smelt {

namespace {
// 24 accumulators, 4 or 2 of weights and 1 of the left side: at most 29 of 32 registers. The wide
// tile stores whole lines of memory; the other wastes less where there are few columns. (12 x 16
// would load 13 times for 12 products.)
template <class Out, int kRows, int kVecs>
using Tile = OuterProduct<Avx512Bf16, Avx512LoadPairs, Avx512WeightPairs,
                          ClampedStore<Avx512Bf16, Out>, kRows, kVecs>;

template <class Out, int kRows, int kVecs>
constexpr GemmKernel kernel(GemmVariant variant, const char* name) {
  constexpr uint16_t mr = kRows, nr = kVecs * 16;
  return {.name = name,
          .isa = Isa::kAvx512Bf16,
          .variant = variant,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr}, .kr = 2, .elem = DType::kBF16, .head = kBias},
          .run = run_tiles<Tile<Out, kRows, kVecs>>};
}
}  // namespace

extern constexpr GemmKernel gemm_pbf16_avx512bf16_6x64 =
    kernel<BFloat16, 6, 4>(GemmVariant::kPbf16, "gemm_pbf16_avx512bf16_6x64");
extern constexpr GemmKernel gemm_pbf16_avx512bf16_12x32 =
    kernel<BFloat16, 12, 2>(GemmVariant::kPbf16, "gemm_pbf16_avx512bf16_12x32");
extern constexpr GemmKernel gemm_pbf16_f32_avx512bf16_6x64 =
    kernel<float, 6, 4>(GemmVariant::kPbf16F32, "gemm_pbf16_f32_avx512bf16_6x64");
extern constexpr GemmKernel gemm_pbf16_f32_avx512bf16_12x32 =
    kernel<float, 12, 2>(GemmVariant::kPbf16F32, "gemm_pbf16_f32_avx512bf16_12x32");

}  // namespace smelt
