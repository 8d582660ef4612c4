#include "kernels/pack/sme_packers.h"

#include "kernels/pack/words.h"

namespace smelt {

namespace {

WordRows word_rows(const PackLayout& layout, size_t vl32, size_t m, size_t taps, size_t kc, const void* const* rows,
                   std::byte* out) {
  return {.rows = m,
          .taps = taps,
          .bytes = kc * layout_bits(layout.elem) / 8,
          .row = rows,
          .out = out,
          .panel_stride = panel_map(layout, {.rows = m, .kc = kc, .taps = taps}, vl32).stride};
}

}  // namespace

void pack_lhs_sme(const PackLayout& layout, size_t vl32, size_t m, size_t taps, size_t kc, const void* const* rows,
                  std::byte* out) {
  transpose_words_sme(word_rows(layout, vl32, m, taps, kc, rows, out));
}

void pack_lhs_sme2(const PackLayout& layout, size_t vl32, size_t m, size_t taps, size_t kc, const void* const* rows,
                   std::byte* out) {
  transpose_words_sme2(word_rows(layout, vl32, m, taps, kc, rows, out));
}

}  // namespace smelt
