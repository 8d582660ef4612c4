#include "kernels/simd/sme2.h"
// The vectors come first: taps are written in their terms.
#include "kernels/dwconv/tap_loop_sme.inl"
#include "kernels/dwconv/taps_sme2.inl"

namespace smelt {

extern constexpr DwconvKernel dwconv_qs8_sme2_4x4vl{
    .name = "dwconv_qs8_sme2_4x4vl",
    .isa = Isa::kSme2,
    .variant = DwconvVariant::kQs8,
    .filter = {.rows = {4, true}, .elem = DType::kS8, .head = kFoldedBias, .tail = kScale},
    .run = run_streaming<TapLoop<TapsS8>>};

}  // namespace smelt
