#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/simd/avx512vnni.h"

namespace smelt {

namespace {
// 24 accumulators, 4 of weights and 1 of the left side: 29 of 32 registers. The narrow tile wastes
// less memory where there are few columns.
template <int kRows, int kVecs, template <class> class Rows>
using Tile = Dot4<Avx512Vnni, WeightsS8<Avx512Vnni>, StaticSum<Avx512Vnni>, kRows, kVecs, Rows>;

template <int kRows, int kVecs>
constexpr GemmKernel kernel(const char* name) {
  constexpr uint16_t mr = kRows, nr = kVecs * 16;
  return {.name = name,
          .isa = Isa::kAvx512Vnni,
          .variant = GemmVariant::kPqs8Qc8w,
          .mr = {mr},
          .nr = {nr},
          .rhs = {.rows = {nr},
                  .kr = 4,
                  .elem = DType::kS8,
                  .head = kFoldedBias,
                  .tail = kScale,
                  .lhs_offset = 128},
          .prepared = prepared_form<Avx512Vnni>(run_tiles<Tile<kRows, kVecs, PreparedRows>>),
          .run = run_tiles<Tile<kRows, kVecs, StagedRows>>};
}
}  // namespace

extern constexpr GemmKernel gemm_pqs8_qc8w_avx512vnni_6x64 =
    kernel<6, 4>("gemm_pqs8_qc8w_avx512vnni_6x64");
extern constexpr GemmKernel gemm_pqs8_qc8w_avx512vnni_12x16 =
    kernel<12, 1>("gemm_pqs8_qc8w_avx512vnni_12x16");

}  // namespace smelt
