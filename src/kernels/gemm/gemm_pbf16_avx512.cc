#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/avx512.h"

namespace smelt {

namespace {
// 12 x 2 accumulators, 2 of weights and 1 of the left side: 27 of 32 registers, and 24
// multiply-adds for 14 loads.
template <class Out, int kRows, int kVecs>
using Tile =
    OuterProduct<Avx512F32, Avx512LoadBF16, Avx512LoadBF16, Avx512Store<Out>, kRows, kVecs>;

template <class Out, int kRows, int kVecs>
constexpr GemmKernel kernel(GemmVariant variant, const char* name) {
  constexpr uint16_t mr = kRows, nr = kVecs * 16;
  return {.name = name,
          .isa = Isa::kAvx512,
          .variant = variant,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr}, .elem = DType::kBF16, .head = kBias},
          .run = run_tiles<Tile<Out, kRows, kVecs>>};
}
}  // namespace

extern constexpr GemmKernel gemm_pbf16_avx512_12x32 =
    kernel<BFloat16, 12, 2>(GemmVariant::kPbf16, "gemm_pbf16_avx512_12x32");
extern constexpr GemmKernel gemm_pbf16_avx512_12x16 =
    kernel<BFloat16, 12, 1>(GemmVariant::kPbf16, "gemm_pbf16_avx512_12x16");
extern constexpr GemmKernel gemm_pbf16_f32_avx512_12x32 =
    kernel<float, 12, 2>(GemmVariant::kPbf16F32, "gemm_pbf16_f32_avx512_12x32");
extern constexpr GemmKernel gemm_pbf16_f32_avx512_12x16 =
    kernel<float, 12, 1>(GemmVariant::kPbf16F32, "gemm_pbf16_f32_avx512_12x16");

}  // namespace smelt
