#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/avx2.h"
#include "kernels/simd/avx512.h"

namespace smelt {

namespace {
// Vectors of 256 bits, because AMD's processors convert 16 halves in two instructions faster than in one; and many of them
// side by side, because each row that is converted into the buffer then serves more columns. 6 x 4 accumulators, 4 of
// weights and 1 of the left side: 29 of the 32 registers that there are with AVX-512.
template <int kRows, int kVecs>
using Tile = OuterProduct<Avx2F32, Avx512LoadF16, Avx512LoadF16, Avx2Store<Half>, kRows, kVecs>;

constexpr GemmKernel kernel(const char* name, uint16_t mr, uint16_t nr, void (*run)(const GemmBlock&)) {
  return {
      .name = name,
      .isa = Isa::kAvx512,
      .variant = GemmVariant::kPf16,
      .mr = {mr},
      .nr = {nr},
      .rhs = {.rows = {nr}, .elem = DType::kF16, .head = kBias},
      .run = run};
}
}  // namespace

extern constexpr GemmKernel gemm_pf16_avx512_6x32 = kernel("gemm_pf16_avx512_6x32", 6, 32, run_tiles<Tile<6, 4>>);
extern constexpr GemmKernel gemm_pf16_avx512_12x16 = kernel("gemm_pf16_avx512_12x16", 12, 16, run_tiles<Tile<12, 2>>);

}  // namespace smelt
