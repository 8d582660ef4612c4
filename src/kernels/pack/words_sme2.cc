#include "kernels/simd/sme2.h"
// The vectors come first: the transposition is written in their terms.
#include "kernels/pack/words.inl"

namespace smelt {

__arm_new("za") __arm_locally_streaming void transpose_words_sme2(const WordRows& w) {
  const WordRows copy = w;  // which no store to the panels can change
  transpose_words(copy);
}

}  // namespace smelt
