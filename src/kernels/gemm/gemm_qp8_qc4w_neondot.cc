#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/gemm/qp8_neon.inl"
#include "kernels/simd/neondot.h"

namespace smelt {

namespace {
// 8 x 2 registers of accumulators, 8 of the left side and a few weights: unpacked once for 8 rows.
template <class Out, int kRows, int kVecs>
using Tile = Dot4<Sixteenths<NeonDot>, WeightsU4<Sixteenths<NeonDot>>,
                  DynamicSum<Sixteenths<NeonDot>, NeonStore<Out>>, kRows, kVecs>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc4w_neondot_8x8 = qp8_rows<NeonDot>(
    GemmVariant::kQp8F32Qc4w, "gemm_qp8_f32_qc4w_neondot_8x8", 8, 8, run_tiles<Tile<float, 8, 1>>);
extern constexpr GemmKernel gemm_qp8_f16_qc4w_neondot_8x8 = qp8_rows<NeonDot>(
    GemmVariant::kQp8F16Qc4w, "gemm_qp8_f16_qc4w_neondot_8x8", 8, 8, run_tiles<Tile<Half, 8, 1>>);

}  // namespace smelt
