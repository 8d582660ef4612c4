#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/outer_product.inl"
#include "kernels/simd/avx512_few_columns.h"

namespace smelt {

namespace {
/// Rows as they are, kUnit elements at a time; of the last of each tap, zeros beyond its end.
template <class Lhs>
struct RowsInSteps {
  template <size_t kUnit, int kM, class Multiply>
  static SMELT_INLINE void for_each_stretch(const GemmBlock& g, size_t m0, Multiply multiply) {
    const void* const* row = g.rows + m0 * g.taps;
    for (size_t t = 0; t < g.taps; ++t, ++row) {
      const float* a[kM];
      SMELT_UNROLL for (int i = 0; i < kM; ++i) a[i] =
          static_cast<const float*>(row[size_t(i) * g.taps]);
      const size_t units = g.kc / kUnit, rest = g.kc % kUnit;
      multiply(a, units);
      if (rest == 0) continue;
      float last[kM][16];
      SMELT_UNROLL for (int i = 0; i < kM; ++i) {
        _mm512_storeu_ps(last[i], Avx512LoadF32::load_part(a[i] + units * kUnit, rest));
        a[i] = last[i];
      }
      multiply(a, 1);
    }
  }
};

// Of a panel of 16 columns, products of 1 to 8 would use a part: vocoders' and segmentations' last
// convolutions. Here vectors hold fewer columns and several k.
template <int kRows, int kK>
using Tile = OuterProduct<Avx512FewColumns<kK>, Avx512LoadSteps<kK>, Avx512LoadColumns<kK>,
                          Avx512FoldAndStore<kK>, kRows, 1, RowsInSteps>;

template <int kRows, int kK>
constexpr GemmKernel kernel(const char* name) {
  constexpr uint16_t mr = kRows, nr = 16 / kK;
  return {.name = name,
          .isa = Isa::kAvx512,
          .variant = GemmVariant::kPf32,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr}, .kr = kK, .elem = DType::kF32, .head = kBias},
          .run = run_tiles<Tile<kRows, kK>>};
}
}  // namespace

extern constexpr GemmKernel gemm_pf32_avx512_12x8 = kernel<12, 2>("gemm_pf32_avx512_12x8");
extern constexpr GemmKernel gemm_pf32_avx512_12x4 = kernel<12, 4>("gemm_pf32_avx512_12x4");
extern constexpr GemmKernel gemm_pf32_avx512_12x1 = kernel<12, 16>("gemm_pf32_avx512_12x1");

}  // namespace smelt
