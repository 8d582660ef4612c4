#include "kernels/gemm/qp8_staged.inl"
#include "kernels/simd/avx2_int8.h"

namespace smelt {

namespace {
// 5 x 2 accumulators, 2 of weights, 1 of the left side and 1 product: 14 of 16 registers.
template <class Out, int kRows, int kVecs>
constexpr GemmKernel kernel(GemmVariant variant, const char* name) {
  return qp8_staged<Avx2Int8, WeightsS8<Avx2Int8>, DynamicSum<Avx2Int8, Avx2Store<Out>>, kRows,
                    kVecs>(variant, name);
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc8w_avx2_5x16 =
    kernel<float, 5, 2>(GemmVariant::kQp8F32Qc8w, "gemm_qp8_f32_qc8w_avx2_5x16");
extern constexpr GemmKernel gemm_qp8_f16_qc8w_avx2_5x16 =
    kernel<Half, 5, 2>(GemmVariant::kQp8F16Qc8w, "gemm_qp8_f16_qc8w_avx2_5x16");

}  // namespace smelt
