#include "kernels/dwconv/tap_loop.inl"
#include "kernels/simd/avx2.h"
#include "kernels/simd/avx512.h"

namespace smelt {

namespace {
// 4 x 4 accumulators of 256 bits (see gemm_pf16_avx512.cc), 4 of weights.
using Loop = TapLoop<FloatTaps<Avx2F32, Avx512LoadF16, Avx2Store<Half>>, 4, 4>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_f16_avx512_4x32{
    .name = "dwconv_f16_avx512_4x32",
    .isa = Isa::kAvx512,
    .variant = DwconvVariant::kF16,
    .filter = {.rows = {32}, .elem = DType::kF16, .head = kBias},
    .run = run};

}  // namespace smelt
