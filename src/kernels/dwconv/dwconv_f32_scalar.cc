#include "kernels/dwconv/tap_loop.inl"
#include "kernels/gemm/scalar.h"

namespace smelt {

namespace {
using Loop = TapLoop<FloatTaps<ScalarF32, ScalarLoadF32, ScalarStore<float>>, 2, 1>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_f32_scalar_2x4{
    .name = "dwconv_f32_scalar_2x4",
    .isa = Isa::kScalar,
    .variant = DwconvVariant::kF32,
    .filter = {.rows = {4}, .elem = DType::kF32, .head = kBias},
    .run = run};

}  // namespace smelt
