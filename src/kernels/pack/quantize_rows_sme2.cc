#include "kernels/simd/sme2.h"
// The vectors come first: the quantiser is written in their terms.
#include "kernels/pack/quantize_rows.inl"

namespace smelt {

__arm_new("za") __arm_locally_streaming void quantize_rows_sme2(const FloatRows& f) {
  const FloatRows copy = f;  // which no store to the panels can change
  quantize_rows(copy);
}

}  // namespace smelt
