#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/dot4.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/gemm/qp8_neon.inl"
#include "kernels/simd/neon_int8.h"

namespace smelt {

namespace {
// 6 x 2 registers of sums of a block and as many totals, 6 of the left side and a few weights.
template <class Out, int kRows, int kVecs>
using Tile = Dot4<Sixteenths<NeonInt8>, WeightsU4<Sixteenths<NeonInt8>>,
                  BlockSum<Sixteenths<NeonInt8>, NeonStore<Out>>, kRows, kVecs>;
}  // namespace

extern constexpr GemmKernel gemm_qp8_f32_qb4w_neon_6x8 = qp8_rows<NeonInt8>(
    GemmVariant::kQp8F32Qb4w, "gemm_qp8_f32_qb4w_neon_6x8", 6, 8, run_tiles<Tile<float, 6, 1>>);
extern constexpr GemmKernel gemm_qp8_f16_qb4w_neon_6x8 = qp8_rows<NeonInt8>(
    GemmVariant::kQp8F16Qb4w, "gemm_qp8_f16_qb4w_neon_6x8", 6, 8, run_tiles<Tile<Half, 6, 1>>);

}  // namespace smelt
