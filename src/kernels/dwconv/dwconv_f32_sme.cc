#include "kernels/simd/sme.h"
// The vectors come first: taps are written in their terms.
#include "kernels/dwconv/tap_loop_sme.inl"
#include "kernels/dwconv/taps_sme.inl"

namespace smelt {

extern constexpr DwconvKernel dwconv_f32_sme_4x4vl{
    .name = "dwconv_f32_sme_4x4vl",
    .isa = Isa::kSme,
    .variant = DwconvVariant::kF32,
    .filter = {.rows = {4, true}, .elem = DType::kF32, .head = kBias},
    .run = run_streaming<TapLoop<TapsF32>>};

}  // namespace smelt
