// Transposing 32-bit words through ZA: what packing for SME comes down to.
//
// A vector of a left panel holds one word (kr elements) of each of vl rows, and rows come in runs
// of consecutive elements, so packing is the transposition of a matrix of words, however wide the
// elements are.
#pragma once

#include <cstddef>
#include <cstdint>

namespace smelt {

struct WordRows {
  size_t rows, taps;
  size_t bytes;            ///< of a tap's run; the last word of a run is filled up with zeros
  const void* const* row;  ///< [rows][taps]
  std::byte* out;          ///< panels of vl rows; rows beyond the last are zero
  size_t panel_stride;
};

void transpose_words_sme(const WordRows&);
void transpose_words_sme2(const WordRows&);

/// A panel of 4 vl rows of weights, at constant distances.
struct WordPanel {
  size_t rows, taps;
  size_t bytes;              ///< of a tap's run, as above
  const std::byte* data;     ///< row 0
  const size_t* tap_offset;  ///< [taps], in units of tap_unit bytes; null: one tap, at 0
  size_t tap_unit;
  size_t row_stride;  ///< in bytes
  std::byte* out;     ///< the k data of the panel; rows beyond the last become zero
  int32_t* sums;      ///< [4 vl] sums of each row's int8 elements; null: not wanted
};

void transpose_panel_sme(const WordPanel&);
/// The same from rows of float32, which become float16 or bfloat16; row_stride counts bytes of
/// float32, `bytes` those of the run in the panel's type, and there are no sums.
void transpose_panel_f16_sme(const WordPanel&);
void transpose_panel_bf16_sme(const WordPanel&);

/// A panel of 4 vl columns of weights whose lines of k are runs of memory: kr = 1, 2 or 4 lines
/// become words.
struct LinePanel {
  size_t columns, taps;
  size_t lines;              ///< of a tap; those missing in the last word are zeros
  size_t element;            ///< bytes: kr is 4 / element
  const std::byte* data;     ///< line 0
  const size_t* tap_offset;  ///< [taps], in elements; null: one tap, at 0
  size_t line_stride;        ///< in bytes
  std::byte* out;
  int32_t* sums;  ///< [4 vl] sums of each column's int8 elements; null: not wanted
};

void zip_lines_sme(const LinePanel&);

/// A panel of 4 vl rows of 4-bit weights, stored plus 8: 16 bits (four k) of each row together.
struct NibblePanel {
  size_t rows, taps;
  size_t groups;             ///< of four k, in each row and tap
  const std::byte* data;     ///< row 0, its low nibbles first
  const size_t* tap_offset;  ///< [taps], in elements; null: one tap, at 0
  size_t row_stride;         ///< in bytes
  size_t block_groups;       ///< groups that share a scale, of one tap; 0: no scales
  const std::byte* scales;   ///< bfloat16 of the blocks of row 0
  size_t scale_stride;       ///< between rows, in bytes
  std::byte* out;            ///< the k data, scales after each block; rows beyond the last become 0
  int32_t* sums;             ///< [4 vl] sums of each row's (stored - 8)
  float* scaled_sums;        ///< [4 vl] likewise, times the scales; if there are scales
};

void transpose_nibbles_sme(const NibblePanel&);

}  // namespace smelt
