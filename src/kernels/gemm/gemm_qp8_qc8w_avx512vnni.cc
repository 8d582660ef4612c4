#include "kernels/gemm/qp8_staged.inl"
#include "kernels/simd/avx512vnni.h"

namespace smelt {

namespace {
// 24 accumulators, 4 of weights and 1 of the left side: 29 of 32 registers. The narrow tile
// wastes less memory where there are few columns.
template <class Out, int kRows, int kVecs>
constexpr GemmKernel kernel(GemmVariant variant, const char* name) {
  return qp8_staged<Avx512Vnni, WeightsS8<Avx512Vnni>, DynamicSum<Avx512Vnni, Avx512Store<Out>>,
                    kRows, kVecs>(variant, name);
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc8w_avx512vnni_6x64 =
    kernel<float, 6, 4>(GemmVariant::kQp8F32Qc8w, "gemm_qp8_f32_qc8w_avx512vnni_6x64");
extern constexpr GemmKernel gemm_qp8_f32_qc8w_avx512vnni_12x16 =
    kernel<float, 12, 1>(GemmVariant::kQp8F32Qc8w, "gemm_qp8_f32_qc8w_avx512vnni_12x16");
extern constexpr GemmKernel gemm_qp8_f16_qc8w_avx512vnni_6x64 =
    kernel<Half, 6, 4>(GemmVariant::kQp8F16Qc8w, "gemm_qp8_f16_qc8w_avx512vnni_6x64");
extern constexpr GemmKernel gemm_qp8_f16_qc8w_avx512vnni_12x16 =
    kernel<Half, 12, 1>(GemmVariant::kQp8F16Qc8w, "gemm_qp8_f16_qc8w_avx512vnni_12x16");

}  // namespace smelt
