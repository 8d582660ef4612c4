#include "kernels/dwconv/tap_loop.inl"
#include "kernels/simd/neonfhm.h"

namespace smelt {

namespace {
// 4 x 2 x 2 registers of accumulators.
using Loop = TapLoop<FloatTaps<NeonFmlal, NeonHalves, NeonStore<Half>>, 4, 2>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_f16_neonfhm_4x16{
    .name = "dwconv_f16_neonfhm_4x16",
    .isa = Isa::kNeonFp16,
    .variant = DwconvVariant::kF16,
    .filter = {.rows = {16}, .elem = DType::kF16, .head = kBias},
    .run = run};

}  // namespace smelt
