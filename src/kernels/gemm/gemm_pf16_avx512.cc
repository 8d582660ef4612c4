#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/avx2.h"
#include "kernels/simd/avx512.h"

namespace smelt {

namespace {
// Vectors of 256 bits, because AMD's processors convert 16 halves in two instructions faster than
// in one; and many of them side by side, because each row that is converted into the buffer then
// serves more columns. 6 x 4 accumulators, 4 of weights and 1 of the left side: 29 of the 32
// registers that there are with AVX-512.
template <int kRows, int kVecs, template <class> class Rows>
using Tile =
    OuterProduct<Avx2F32, Avx512LoadF16, Avx512LoadF16, Avx2Store<Half>, kRows, kVecs, Rows>;

template <int kRows, int kVecs>
constexpr GemmKernel kernel(const char* name) {
  constexpr uint16_t mr = kRows, nr = kVecs * 8;
  return {.name = name,
          .isa = Isa::kAvx512,
          .variant = GemmVariant::kPf16,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr}, .elem = DType::kF16, .head = kBias},
          .prepared = prepared_form<Avx512LoadF16>(run_tiles<Tile<kRows, kVecs, PreparedRows>>),
          .run = run_tiles<Tile<kRows, kVecs, StagedRows>>};
}
}  // namespace

extern constexpr GemmKernel gemm_pf16_avx512_6x32 = kernel<6, 4>("gemm_pf16_avx512_6x32");
extern constexpr GemmKernel gemm_pf16_avx512_12x16 = kernel<12, 2>("gemm_pf16_avx512_12x16");

}  // namespace smelt
