#include "kernels/dwconv/tap_loop.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/simd/avx512_int8.h"

namespace smelt {

namespace {
// 4 x 2 accumulators, 2 of weights.
using Loop = TapLoop<Int8WordTaps<Avx512Sums, StaticSum<Avx512Sums>>, 4, 2>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_qs8_avx512_4x32{
    .name = "dwconv_qs8_avx512_4x32",
    .isa = Isa::kAvx512,
    .variant = DwconvVariant::kQs8,
    .filter = {.rows = {32}, .elem = DType::kS8, .head = kFoldedBias, .tail = kScale},
    .run = run};

}  // namespace smelt
