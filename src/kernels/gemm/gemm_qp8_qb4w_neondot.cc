#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/gemm/qp8_neon.inl"
#include "kernels/simd/neondot.h"

namespace smelt {

namespace {
// 8 x 2 registers of sums of a block, 8 of the left side and a few weights. Totals are in memory
// meanwhile.
template <class Out, int kRows, int kVecs>
using Tile = Dot4<Sixteenths<NeonDot>, WeightsU4<Sixteenths<NeonDot>>,
                  BlockSum<Sixteenths<NeonDot>, NeonStore<Out>>, kRows, kVecs>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qb4w_neondot_8x8 = qp8_rows<NeonDot>(
    GemmVariant::kQp8F32Qb4w, "gemm_qp8_f32_qb4w_neondot_8x8", 8, 8, run_tiles<Tile<float, 8, 1>>);
extern constexpr GemmKernel gemm_qp8_f16_qb4w_neondot_8x8 = qp8_rows<NeonDot>(
    GemmVariant::kQp8F16Qb4w, "gemm_qp8_f16_qb4w_neondot_8x8", 8, 8, run_tiles<Tile<Half, 8, 1>>);

}  // namespace smelt
