#include "kernels/simd/sme.h"
// The vectors come first: taps are written in their terms.
#include "kernels/dwconv/tap_loop_sme.inl"
#include "kernels/dwconv/taps_sme.inl"

namespace smelt {

extern constexpr DwconvKernel dwconv_f16_sme_4x4vl{
    .name = "dwconv_f16_sme_4x4vl",
    .isa = Isa::kSme,
    .variant = DwconvVariant::kF16,
    .filter = {.rows = {4, true}, .elem = DType::kF16, .head = kBias},
    .run = run_streaming<TapLoop<TapsF16>>};

}  // namespace smelt
