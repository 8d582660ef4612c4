#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/simd/avx512vnni.h"

namespace smelt {

namespace {
// 24 accumulators, 4 of weights and 1 of the left side: 29 of 32 registers. The wide tile converts fewer rows for as many
// products; the others waste less where there are few columns.
template <int kRows, int kVecs, template <class> class Rows>
using Tile = Dot4<Avx512Vnni, WeightsS8<Avx512Vnni>, DynamicSum<Avx512Vnni, Avx512Store<Half>>, kRows, kVecs, Rows>;

template <int kRows, int kVecs>
constexpr GemmKernel kernel(const char* name) {
  constexpr uint16_t mr = kRows, nr = kVecs * 16;
  return {
      .name = name,
      .isa = Isa::kAvx512Vnni,
      .variant = GemmVariant::kQp8F16Qc8w,
      .mr = {mr},
      .nr = {nr},
      .rhs = {.rows = {nr}, .kr = 4, .elem = DType::kS8, .tail = kBias | kRowSum | kScale},
      .prepared = prepared_form<Avx512Vnni>(run_tiles<Tile<kRows, kVecs, PreparedRows>>),
      .run = run_tiles<Tile<kRows, kVecs, StagedRows>>};
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f16_qc8w_avx512vnni_6x64 =
    kernel<6, 4>("gemm_qp8_f16_qc8w_avx512vnni_6x64");
extern constexpr GemmKernel gemm_qp8_f16_qc8w_avx512vnni_12x32 =
    kernel<12, 2>("gemm_qp8_f16_qc8w_avx512vnni_12x32");
extern constexpr GemmKernel gemm_qp8_f16_qc8w_avx512vnni_12x16 =
    kernel<12, 1>("gemm_qp8_f16_qc8w_avx512vnni_12x16");

}  // namespace smelt
