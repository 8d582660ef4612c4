#include "kernels/gemm/qp8_staged.inl"
#include "kernels/simd/avx512vbmi.h"

namespace smelt {

namespace {
// 6 x 4 accumulators, 4 of unpacked weights, 1 of the left side, a table and a mask: 31 of 32
// registers. Wide panels, because one row then loads the fewest words of the left side.
template <class Out, int kRows, int kVecs>
constexpr GemmKernel kernel(GemmVariant variant, const char* name) {
  return qp8_staged<Avx512Vbmi, WeightsU4<Avx512Vbmi>, DynamicSum<Avx512Vbmi, Avx512Store<Out>>,
                    kRows, kVecs>(variant, name);
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc4w_avx512vbmi_6x64 =
    kernel<float, 6, 4>(GemmVariant::kQp8F32Qc4w, "gemm_qp8_f32_qc4w_avx512vbmi_6x64");
extern constexpr GemmKernel gemm_qp8_f32_qc4w_avx512vbmi_12x16 =
    kernel<float, 12, 1>(GemmVariant::kQp8F32Qc4w, "gemm_qp8_f32_qc4w_avx512vbmi_12x16");
extern constexpr GemmKernel gemm_qp8_f16_qc4w_avx512vbmi_6x64 =
    kernel<Half, 6, 4>(GemmVariant::kQp8F16Qc4w, "gemm_qp8_f16_qc4w_avx512vbmi_6x64");
extern constexpr GemmKernel gemm_qp8_f16_qc4w_avx512vbmi_12x16 =
    kernel<Half, 12, 1>(GemmVariant::kQp8F16Qc4w, "gemm_qp8_f16_qc4w_avx512vbmi_12x16");

}  // namespace smelt
