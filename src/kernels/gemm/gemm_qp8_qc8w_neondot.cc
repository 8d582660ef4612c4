#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/gemm/qp8_neon.inl"
#include "kernels/simd/neondot.h"

namespace smelt {

namespace {
// 5 x 2 x 2 registers of accumulators, 5 of the left side and a few weights.
template <class Out, int kRows, int kVecs>
using Tile = Dot4<NeonDot, WeightsS8<NeonDot>, DynamicSum<NeonDot, NeonStore<Out>>, kRows, kVecs>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc8w_neondot_5x16 =
    qp8_rows<NeonDot>(GemmVariant::kQp8F32Qc8w, "gemm_qp8_f32_qc8w_neondot_5x16", 5, 16,
                      run_tiles<Tile<float, 5, 2>>);
extern constexpr GemmKernel gemm_qp8_f32_qc8w_neondot_8x8 = qp8_rows<NeonDot>(
    GemmVariant::kQp8F32Qc8w, "gemm_qp8_f32_qc8w_neondot_8x8", 8, 8, run_tiles<Tile<float, 8, 1>>);
extern constexpr GemmKernel gemm_qp8_f16_qc8w_neondot_5x16 = qp8_rows<NeonDot>(
    GemmVariant::kQp8F16Qc8w, "gemm_qp8_f16_qc8w_neondot_5x16", 5, 16, run_tiles<Tile<Half, 5, 2>>);
extern constexpr GemmKernel gemm_qp8_f16_qc8w_neondot_8x8 = qp8_rows<NeonDot>(
    GemmVariant::kQp8F16Qc8w, "gemm_qp8_f16_qc8w_neondot_8x8", 8, 8, run_tiles<Tile<Half, 8, 1>>);

}  // namespace smelt
