#include "kernels/dwconv/tap_loop.inl"
#include "kernels/simd/neon.h"

namespace smelt {

namespace {
// 4 x 2 x 2 registers of accumulators.
using Loop = TapLoop<FloatTaps<NeonF32, NeonLoad16<Half>, NeonStore<Half>>, 4, 2>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_f16_neon_4x16{
    .name = "dwconv_f16_neon_4x16",
    .isa = Isa::kNeon,
    .variant = DwconvVariant::kF16,
    .filter = {.rows = {16}, .elem = DType::kF16, .head = kBias},
    .run = run};

}  // namespace smelt
