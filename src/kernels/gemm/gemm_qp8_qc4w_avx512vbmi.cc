#include "kernels/gemm/qp8_staged.inl"
#include "kernels/simd/avx512vbmi.h"

namespace smelt {

namespace {
// 12 x 2 accumulators, 2 x 2 of unpacked weights, 1 of the left side and a mask: 30 of 32
// registers.
template <class Out, int kRows, int kVecs>
constexpr GemmKernel kernel(GemmVariant variant, const char* name) {
  return qp8_staged<Avx512Vbmi, WeightsU4<Avx512Vbmi>, DynamicSum<Avx512Vbmi, Avx512Store<Out>>,
                    kRows, kVecs>(variant, name);
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc4w_avx512vbmi_6x64 =
    kernel<float, 6, 4>(GemmVariant::kQp8F32Qc4w, "gemm_qp8_f32_qc4w_avx512vbmi_6x64");
extern constexpr GemmKernel gemm_qp8_f32_qc4w_avx512vbmi_12x32 =
    kernel<float, 12, 2>(GemmVariant::kQp8F32Qc4w, "gemm_qp8_f32_qc4w_avx512vbmi_12x32");
extern constexpr GemmKernel gemm_qp8_f32_qc4w_avx512vbmi_12x16 =
    kernel<float, 12, 1>(GemmVariant::kQp8F32Qc4w, "gemm_qp8_f32_qc4w_avx512vbmi_12x16");
extern constexpr GemmKernel gemm_qp8_f16_qc4w_avx512vbmi_6x64 =
    kernel<Half, 6, 4>(GemmVariant::kQp8F16Qc4w, "gemm_qp8_f16_qc4w_avx512vbmi_6x64");
extern constexpr GemmKernel gemm_qp8_f16_qc4w_avx512vbmi_12x32 =
    kernel<Half, 12, 2>(GemmVariant::kQp8F16Qc4w, "gemm_qp8_f16_qc4w_avx512vbmi_12x32");
extern constexpr GemmKernel gemm_qp8_f16_qc4w_avx512vbmi_12x16 =
    kernel<Half, 12, 1>(GemmVariant::kQp8F16Qc4w, "gemm_qp8_f16_qc4w_avx512vbmi_12x16");

}  // namespace smelt
