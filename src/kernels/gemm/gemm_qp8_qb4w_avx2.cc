#include "kernels/gemm/qp8_staged.inl"
#include "kernels/simd/avx2_int8.h"

namespace smelt {

namespace {
// 3 x 2 accumulators of a block and as many totals, 2 of weights, 1 of the left side, 1 product:
// 16 of 16 registers.
template <class Out, int kRows, int kVecs>
constexpr GemmKernel kernel(GemmVariant variant, const char* name) {
  return qp8_staged<Avx2Int8, WeightsU4<Avx2Int8>, BlockSum<Avx2Int8, Avx2Store<Out>>, kRows,
                    kVecs>(variant, name);
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qb4w_avx2_3x16 =
    kernel<float, 3, 2>(GemmVariant::kQp8F32Qb4w, "gemm_qp8_f32_qb4w_avx2_3x16");
extern constexpr GemmKernel gemm_qp8_f16_qb4w_avx2_3x16 =
    kernel<Half, 3, 2>(GemmVariant::kQp8F16Qb4w, "gemm_qp8_f16_qb4w_avx2_3x16");

}  // namespace smelt
