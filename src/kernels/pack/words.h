// Transposing 32-bit words through ZA: what packing for SME comes down to.
//
// A vector of a left panel holds one word (kr elements) of each of vl rows, and rows come in runs of consecutive elements,
// so packing is the transposition of a matrix of words, however wide the elements are.
#pragma once

#include <cstddef>

namespace smelt {

struct WordRows {
  size_t rows, taps;
  size_t bytes;              ///< of a tap's run; the last word of a run is filled up with zeros
  const void* const* row;    ///< [rows][taps]
  std::byte* out;            ///< panels of vl rows; rows beyond the last are zero
  size_t panel_stride;
};

void transpose_words_sme(const WordRows&);
void transpose_words_sme2(const WordRows&);

}  // namespace smelt
