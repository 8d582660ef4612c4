#include "kernels/simd/sme.h"
// The vectors come first: taps are written in their terms.
#include "kernels/dwconv/tap_loop_sme.inl"
#include "kernels/dwconv/taps_sme.inl"

namespace smelt {

extern constexpr DwconvKernel dwconv_qs8_sme_4x4vl{
    .name = "dwconv_qs8_sme_4x4vl",
    .isa = Isa::kSme,
    .variant = DwconvVariant::kQs8,
    .filter = {.rows = {4, true}, .elem = DType::kS8, .head = kFoldedBias, .tail = kScale},
    .run = run_streaming<TapLoop<TapsS8>>};

}  // namespace smelt
