#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/gemm/mmla.inl"
#include "kernels/gemm/qp8_neon.inl"
#include "kernels/simd/neoni8mm.h"

namespace smelt {

namespace {
// 4 x 4 quads, 4 pairs of rows (two words of each) and a few weights.
template <class Out, int kPairs, int kVecs>
using Tile = Mmla<Sixteenths<NeonI8mm>, WeightsU4<Sixteenths<NeonI8mm>>,
                  DynamicSum<Sixteenths<NeonI8mm>, NeonStore<Out>>, kPairs, kVecs>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc4w_neoni8mm_8x8 = qp8_pairs<NeonI8mm>(
    GemmVariant::kQp8F32Qc4w, "gemm_qp8_f32_qc4w_neoni8mm_8x8", 8, 8, run_tiles<Tile<float, 4, 1>>);
extern constexpr GemmKernel gemm_qp8_f16_qc4w_neoni8mm_8x8 = qp8_pairs<NeonI8mm>(
    GemmVariant::kQp8F16Qc4w, "gemm_qp8_f16_qc4w_neoni8mm_8x8", 8, 8, run_tiles<Tile<Half, 4, 1>>);

}  // namespace smelt
