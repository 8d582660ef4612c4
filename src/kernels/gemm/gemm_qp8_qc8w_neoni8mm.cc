#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/gemm/mmla.inl"
#include "kernels/gemm/qp8_neon.inl"
#include "kernels/simd/neoni8mm.h"

namespace smelt {

namespace {
// 3 x 8 quads, 3 pairs of rows and a few weights.
template <class Out, int kPairs, int kVecs>
using Tile =
    Mmla<NeonI8mm, WeightsS8<NeonI8mm>, DynamicSum<NeonI8mm, NeonStore<Out>>, kPairs, kVecs>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qc8w_neoni8mm_6x16 =
    qp8_pairs<NeonI8mm>(GemmVariant::kQp8F32Qc8w, "gemm_qp8_f32_qc8w_neoni8mm_6x16", 6, 16,
                        run_tiles<Tile<float, 3, 2>>);
extern constexpr GemmKernel gemm_qp8_f32_qc8w_neoni8mm_8x8 = qp8_pairs<NeonI8mm>(
    GemmVariant::kQp8F32Qc8w, "gemm_qp8_f32_qc8w_neoni8mm_8x8", 8, 8, run_tiles<Tile<float, 4, 1>>);
extern constexpr GemmKernel gemm_qp8_f16_qc8w_neoni8mm_6x16 =
    qp8_pairs<NeonI8mm>(GemmVariant::kQp8F16Qc8w, "gemm_qp8_f16_qc8w_neoni8mm_6x16", 6, 16,
                        run_tiles<Tile<Half, 3, 2>>);
extern constexpr GemmKernel gemm_qp8_f16_qc8w_neoni8mm_8x8 = qp8_pairs<NeonI8mm>(
    GemmVariant::kQp8F16Qc8w, "gemm_qp8_f16_qc8w_neoni8mm_8x8", 8, 8, run_tiles<Tile<Half, 4, 1>>);

}  // namespace smelt
