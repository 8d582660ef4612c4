#include "kernels/pack/sme_packers.h"

#include <algorithm>
#include <cstring>

#include "kernels/pack/fields.h"
#include "kernels/pack/quantize_rows.h"
#include "kernels/pack/words.h"

namespace smelt {

namespace {

WordRows word_rows(const PackLayout& layout, size_t vl32, size_t m, size_t taps, size_t kc,
                   const void* const* rows, std::byte* out) {
  return {.rows = m,
          .taps = taps,
          .bytes = kc * layout_bits(layout.elem) / 8,
          .row = rows,
          .out = out,
          .panel_stride = panel_map(layout, {.rows = m, .kc = kc, .taps = taps}, vl32).stride};
}

FloatRows float_rows(const PackLayout& layout, size_t vl32, size_t m, size_t k,
                     const void* const* rows, RowQuant* row_quant, std::byte* out) {
  return {.rows = m,
          .k = k,
          .row = rows,
          .row_quant = row_quant,
          .out = out,
          .panel_stride = panel_map(layout, {.rows = m, .kc = k}, vl32).stride};
}

// Streaming vectors have at most 64 lanes of 32 bits.
constexpr size_t kMaxPanelRows = 4 * 64;

}  // namespace

void pack_panels_sme(const PackLayout& layout, const PackShape& shape, size_t vl32,
                     const PackSource& source, size_t first, size_t last, std::byte* out) {
  const PanelMap map = panel_map(layout, shape, vl32);
  const bool nibbles = layout.elem == DType::kU4, same = source.dtype == layout.elem;
  const bool narrowed =
      source.dtype == DType::kF32 && (layout.elem == DType::kF16 || layout.elem == DType::kBF16);
  const bool by_rows = source.k_stride == 1, by_lines = source.row_stride == 1 && same && !nibbles;
  // Rows of nibbles must be whole bytes and whole groups.
  const bool whole =
      !nibbles || (shape.kc % 4 == 0 && source.row_stride % 2 == 0 &&
                   std::ranges::all_of(source.taps, [](size_t offset) { return offset % 2 == 0; }));
  if (!whole || (!by_lines && !(by_rows && (same || narrowed))))
    return pack_panels(layout, shape, vl32, source, first, last, out);
  const size_t element = layout_bits(layout.elem) / 8, source_bits = layout_bits(source.dtype);
  const size_t* const tap_offset = source.taps.empty() ? nullptr : source.taps.data();
  int32_t sums[kMaxPanelRows];
  float scaled_sums[kMaxPanelRows];
  int32_t* const wanted_sums = layout.elem == DType::kS8 ? sums : nullptr;
  for (size_t p = first; p < last; ++p) {
    const size_t row = p * map.rows, rows = std::min(map.rows, shape.rows - row);
    std::byte* panel = out + p * map.stride;
    std::memset(panel, 0, map.data);
    std::memset(panel + map.tail, 0, map.stride - map.tail);
    const std::byte* data = source.data + row * source.row_stride * source_bits / 8;
    if (nibbles) {
      const size_t blocks = layout.block_scales ? shape.kc / shape.block : 0;
      transpose_nibbles_sme(
          {.rows = rows,
           .taps = shape.taps,
           .groups = shape.kc / 4,
           .data = data,
           .tap_offset = tap_offset,
           .row_stride = source.row_stride / 2,
           .block_groups = map.block_groups,
           .scales = reinterpret_cast<const std::byte*>(source.block_scale + row * blocks),
           .scale_stride = blocks * 2,
           .out = panel + map.data,
           .sums = sums,
           .scaled_sums = scaled_sums});
    } else if (by_lines) {
      zip_lines_sme({.columns = rows,
                     .taps = shape.taps,
                     .lines = shape.kc,
                     .element = element,
                     .data = data,
                     .tap_offset = tap_offset,
                     .line_stride = source.k_stride * element,
                     .out = panel + map.data,
                     .sums = wanted_sums});
    } else {
      auto* const transpose = same                         ? transpose_panel_sme
                              : layout.elem == DType::kF16 ? transpose_panel_f16_sme
                                                           : transpose_panel_bf16_sme;
      transpose({.rows = rows,
                 .taps = shape.taps,
                 .bytes = shape.kc * element,
                 .data = data,
                 .tap_offset = tap_offset,
                 .tap_unit = source_bits / 8,
                 .row_stride = source.row_stride * source_bits / 8,
                 .out = panel + map.data,
                 .sums = wanted_sums});
    }
    pack_fields(layout, map, source, row, 0, rows, sums, scaled_sums, panel);
  }
}

void pack_lhs_sme(const PackLayout& layout, size_t vl32, size_t m, size_t taps, size_t kc,
                  const void* const* rows, std::byte* out) {
  transpose_words_sme(word_rows(layout, vl32, m, taps, kc, rows, out));
}

void pack_lhs_sme2(const PackLayout& layout, size_t vl32, size_t m, size_t taps, size_t kc,
                   const void* const* rows, std::byte* out) {
  transpose_words_sme2(word_rows(layout, vl32, m, taps, kc, rows, out));
}

void quantize_lhs_sme(const PackLayout& layout, size_t vl32, size_t m, size_t k,
                      const void* const* rows, RowQuant* row_quant, std::byte* out) {
  quantize_rows_sme(float_rows(layout, vl32, m, k, rows, row_quant, out));
}

void quantize_row_sme(const PackLayout&, size_t, size_t m, size_t k, const void* const* rows,
                      RowQuant* row_quant, std::byte* out) {
  quantize_rows_sme(
      {.rows = m, .k = k, .row = rows, .row_quant = row_quant, .out = out, .panel_stride = 0});
}

void quantize_lhs_sme2(const PackLayout& layout, size_t vl32, size_t m, size_t k,
                       const void* const* rows, RowQuant* row_quant, std::byte* out) {
  quantize_rows_sme2(float_rows(layout, vl32, m, k, rows, row_quant, out));
}

void quantize_row_sme2(const PackLayout&, size_t, size_t m, size_t k, const void* const* rows,
                       RowQuant* row_quant, std::byte* out) {
  quantize_rows_sme2(
      {.rows = m, .k = k, .row = rows, .row_quant = row_quant, .out = out, .panel_stride = 0});
}

}  // namespace smelt
