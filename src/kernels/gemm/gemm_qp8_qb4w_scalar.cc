#include "kernels/gemm/qp8_staged.inl"
#include "kernels/gemm/scalar.h"

namespace smelt {

namespace {
template <class Out, int kRows, int kVecs>
constexpr GemmKernel kernel(GemmVariant variant, const char* name) {
  return qp8_staged<ScalarDot4, WeightsU4<ScalarDot4>, BlockSum<ScalarDot4, ScalarStore<Out>>,
                    kRows, kVecs>(variant, name);
}
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qb4w_scalar_2x4 =
    kernel<float, 2, 1>(GemmVariant::kQp8F32Qb4w, "gemm_qp8_f32_qb4w_scalar_2x4");
extern constexpr GemmKernel gemm_qp8_f16_qb4w_scalar_2x4 =
    kernel<Half, 2, 1>(GemmVariant::kQp8F16Qb4w, "gemm_qp8_f16_qb4w_scalar_2x4");

}  // namespace smelt
