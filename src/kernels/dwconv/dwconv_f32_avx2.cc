#include "kernels/dwconv/tap_loop.inl"
#include "kernels/simd/avx2.h"

namespace smelt {

namespace {
// 4 x 2 accumulators: eight independent chains of additions.
using Loop = TapLoop<FloatTaps<Avx2F32, Avx2LoadF32, Avx2Store<float>>, 4, 2>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_f32_avx2_4x16{
    .name = "dwconv_f32_avx2_4x16",
    .isa = Isa::kAvx2,
    .variant = DwconvVariant::kF32,
    .filter = {.rows = {16}, .elem = DType::kF32, .head = kBias},
    .run = run};

}  // namespace smelt
