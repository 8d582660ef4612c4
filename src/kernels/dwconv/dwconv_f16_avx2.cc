#include "kernels/dwconv/tap_loop.inl"
#include "kernels/simd/avx2.h"

namespace smelt {

namespace {
// 4 x 2 accumulators, 2 of weights.
using Loop = TapLoop<FloatTaps<Avx2F32, Avx2Load16<Half>, Avx2Store<Half>>, 4, 2>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_f16_avx2_4x16{
    .name = "dwconv_f16_avx2_4x16",
    .isa = Isa::kAvx2,
    .variant = DwconvVariant::kF16,
    .filter = {.rows = {16}, .elem = DType::kF16, .head = kBias},
    .run = run};

}  // namespace smelt
