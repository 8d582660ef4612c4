#include "kernels/dwconv/tap_loop.inl"
#include "kernels/gemm/scalar.h"

namespace smelt {

namespace {
using Loop = TapLoop<FloatTaps<ScalarF32, ScalarLoadF16, ScalarStore<Half>>, 2, 1>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_f16_scalar_2x4{
    .name = "dwconv_f16_scalar_2x4",
    .isa = Isa::kScalar,
    .variant = DwconvVariant::kF16,
    .filter = {.rows = {4}, .elem = DType::kF16, .head = kBias},
    .run = run};

}  // namespace smelt
