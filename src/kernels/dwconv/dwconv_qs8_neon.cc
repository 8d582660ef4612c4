#include "kernels/dwconv/tap_loop.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/simd/neon_int8.h"

namespace smelt {

namespace {
// 4 x 2 x 2 registers of accumulators.
using Loop = TapLoop<Int8WordTaps<NeonSums, StaticSum<NeonSums>>, 4, 2>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_qs8_neon_4x16{
    .name = "dwconv_qs8_neon_4x16",
    .isa = Isa::kNeon,
    .variant = DwconvVariant::kQs8,
    .filter = {.rows = {16}, .elem = DType::kS8, .head = kFoldedBias, .tail = kScale},
    .run = run};

}  // namespace smelt
