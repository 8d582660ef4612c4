#include "kernels/simd/sme2.h"
// The vectors come first: taps are written in their terms.
#include "kernels/dwconv/rolling_lines_sme2.inl"
#include "kernels/dwconv/tap_loop_sme.inl"
#include "kernels/dwconv/taps_sme2.inl"

namespace smelt {

extern constexpr DwconvKernel dwconv_f32_sme2_4x4vl{
    .name = "dwconv_f32_sme2_4x4vl",
    .isa = Isa::kSme2,
    .variant = DwconvVariant::kF32,
    .filter = {.rows = {4, true}, .elem = DType::kF32, .head = kBias},
    .run = run_streaming<RollingLines<RollingF32, TapLoop<TapsF32>>>};

}  // namespace smelt
