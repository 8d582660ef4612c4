#include "kernels/dwconv/tap_loop.inl"
#include "kernels/simd/avx512.h"

namespace smelt {

namespace {
// 4 x 2 accumulators: eight independent chains of additions.
using Loop = TapLoop<FloatTaps<Avx512F32, Avx512LoadF32, Avx512Store<float>>, 4, 2>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_f32_avx512_4x32{
    .name = "dwconv_f32_avx512_4x32",
    .isa = Isa::kAvx512,
    .variant = DwconvVariant::kF32,
    .filter = {.rows = {32}, .elem = DType::kF32, .head = kBias},
    .run = run};

}  // namespace smelt
