#include "kernels/dwconv/tap_loop.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/simd/avx2_int8.h"

namespace smelt {

namespace {
// 4 x 2 accumulators, 2 of weights.
using Loop = TapLoop<Int8WordTaps<Avx2Int8, StaticSum<Avx2Int8>>, 4, 2>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_qs8_avx2_4x16{
    .name = "dwconv_qs8_avx2_4x16",
    .isa = Isa::kAvx2,
    .variant = DwconvVariant::kQs8,
    .filter = {.rows = {16}, .elem = DType::kS8, .head = kFoldedBias, .tail = kScale},
    .run = run};

}  // namespace smelt
