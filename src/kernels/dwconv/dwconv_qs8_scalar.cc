#include "kernels/dwconv/tap_loop.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/gemm/scalar.h"

namespace smelt {

namespace {
using Loop = TapLoop<Int8Taps<ScalarDot4, StaticSum<ScalarDot4>>, 2, 1>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_qs8_scalar_2x4{
    .name = "dwconv_qs8_scalar_2x4",
    .isa = Isa::kScalar,
    .variant = DwconvVariant::kQs8,
    .filter = {.rows = {4}, .elem = DType::kS8, .head = kFoldedBias, .tail = kScale},
    .run = run};

}  // namespace smelt
