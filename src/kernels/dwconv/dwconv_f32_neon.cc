#include "kernels/dwconv/tap_loop.inl"
#include "kernels/simd/neon.h"

namespace smelt {

namespace {
// 4 x 2 x 2 registers of accumulators.
using Loop = TapLoop<FloatTaps<NeonF32, NeonLoadF32, NeonStore<float>>, 4, 2>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_f32_neon_4x16{
    .name = "dwconv_f32_neon_4x16",
    .isa = Isa::kNeon,
    .variant = DwconvVariant::kF32,
    .filter = {.rows = {16}, .elem = DType::kF32, .head = kBias},
    .run = run};

}  // namespace smelt
