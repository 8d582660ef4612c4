#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/simd/avx512vnni.h"

namespace smelt {

namespace {
// 6 x 2 accumulators of a block and as many totals, 2 x 2 of unpacked weights, 1 of the left side and a mask: 30 of 32
// registers. The narrow tile has the same accumulators.
template <int kRows, int kVecs, template <class> class Rows>
using Tile = Dot4<Avx512Vnni, WeightsU4<Avx512Vnni>, BlockSum<Avx512Vnni, Avx512Store<Half>>, kRows, kVecs, Rows>;

template <int kRows, int kVecs>
constexpr GemmKernel kernel(const char* name) {
  constexpr uint16_t mr = kRows, nr = kVecs * 16;
  return {
      .name = name,
      .isa = Isa::kAvx512Vnni,
      .variant = GemmVariant::kQp8F16Qb4w,
      .mr = {mr},
      .nr = {nr},
      .rhs = {.rows = {nr}, .kr = 8, .elem = DType::kU4, .signed_nibbles = true, .tail = kBias | kScaledRowSum, .block_scales = true},
      .prepared = prepared_form<Avx512Vnni>(run_tiles<Tile<kRows, kVecs, PreparedRows>>),
      .max_k = Avx512Vnni::kU4MaxK,
      .run = run_tiles<Tile<kRows, kVecs, StagedRows>>};
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f16_qb4w_avx512vnni_6x32 =
    kernel<6, 2>("gemm_qp8_f16_qb4w_avx512vnni_6x32");
extern constexpr GemmKernel gemm_qp8_f16_qb4w_avx512vnni_12x16 =
    kernel<12, 1>("gemm_qp8_f16_qb4w_avx512vnni_12x16");

}  // namespace smelt
