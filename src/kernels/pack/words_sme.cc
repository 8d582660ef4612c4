#include "kernels/simd/sme.h"
// The vectors come first: the transposition is written in their terms.
#include "kernels/pack/nibble_panels_sme.inl"
#include "kernels/pack/weight_panels_sme.inl"
#include "kernels/pack/words.inl"

namespace smelt {

__arm_new("za") __arm_locally_streaming void transpose_words_sme(const WordRows& w) {
  const WordRows copy = w;  // which no store to the panels can change
  transpose_words(copy);
}

__arm_new("za") __arm_locally_streaming void transpose_panel_sme(const WordPanel& w) {
  const WordPanel copy = w;
  transpose_panel<AsTheyAre>(copy);
}

__arm_new("za") __arm_locally_streaming void transpose_panel_f16_sme(const WordPanel& w) {
  const WordPanel copy = w;
  transpose_panel<Narrowed<ToF16>>(copy);
}

__arm_new("za") __arm_locally_streaming void transpose_panel_bf16_sme(const WordPanel& w) {
  const WordPanel copy = w;
  transpose_panel<Narrowed<ToBF16>>(copy);
}

__arm_new("za") __arm_locally_streaming void zip_lines_sme(const LinePanel& w) {
  const LinePanel copy = w;
  zip_lines(copy);
}

__arm_new("za") __arm_locally_streaming void transpose_nibbles_sme(const NibblePanel& w) {
  const NibblePanel copy = w;
  transpose_nibbles(copy);
}

}  // namespace smelt
