#include "kernels/simd/sme2.h"
// The vectors come first: taps are written in their terms.
#include "kernels/dwconv/rolling_lines_sme2.inl"
#include "kernels/dwconv/tap_loop_sme.inl"
#include "kernels/dwconv/taps_sme2.inl"

namespace smelt {

extern constexpr DwconvKernel dwconv_f16_sme2_4x4vl{
    .name = "dwconv_f16_sme2_4x4vl",
    .isa = Isa::kSme2,
    .variant = DwconvVariant::kF16,
    .filter = {.rows = {4, true}, .elem = DType::kF16, .head = kBias},
    .run = run_streaming<RollingLines<RollingF16, TapLoop<TapsF16>>>};

}  // namespace smelt
