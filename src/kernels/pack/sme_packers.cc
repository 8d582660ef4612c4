#include "kernels/pack/sme_packers.h"

#include <algorithm>
#include <cstring>

#include "kernels/pack/pack.h"
#include "kernels/pack/quantize_rows.h"
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

FloatRows float_rows(const PackLayout& layout, size_t vl32, size_t m, size_t k, const void* const* rows,
                     RowQuant* row_quant, std::byte* out) {
  return {.rows = m,
          .k = k,
          .row = rows,
          .row_quant = row_quant,
          .out = out,
          .panel_stride = panel_map(layout, {.rows = m, .kc = k}, vl32).stride};
}

// Streaming vectors have at most 64 lanes of 32 bits.
constexpr size_t kMaxPanelRows = 4 * 64;

bool rows_of_same_type(const PackLayout& layout, const PackSource& source) {
  const DType bias = (layout.head & kFoldedBias) != 0 ? DType::kS32 : DType::kF32;
  return source.dtype == layout.elem && source.k_stride == 1 && (source.bias == nullptr || source.bias_dtype == bias);
}

// The fields of a panel, from the sums of its rows.
void put_fields(const PackLayout& layout, const PanelMap& map, const PackSource& source, size_t first_row, size_t rows,
                const int32_t* sums, const float* scaled_sums, std::byte* panel) {
  const uint8_t fields = layout.head | layout.tail;
  const auto at = [&](PanelField field) { return panel + field_offset(layout, map, field); };
  if ((fields & kBias) != 0 && source.bias != nullptr) std::memcpy(at(kBias), source.bias + first_row * 4, rows * 4);
  if ((fields & kScale) != 0) std::memcpy(at(kScale), source.scale + first_row, rows * 4);
  if ((fields & kRowSum) != 0) std::memcpy(at(kRowSum), sums, rows * 4);
  if ((fields & kScaledRowSum) != 0) std::memcpy(at(kScaledRowSum), scaled_sums, rows * 4);
  if ((fields & kFoldedBias) != 0) {
    uint32_t folded[kMaxPanelRows] = {};
    if (source.bias != nullptr) std::memcpy(folded, source.bias + first_row * 4, rows * 4);
    for (size_t r = 0; r < rows; ++r) folded[r] -= uint32_t(source.lhs_zero) * uint32_t(sums[r]);
    std::memcpy(at(kFoldedBias), folded, rows * 4);
  }
}

}  // namespace

void pack_panels_sme(const PackLayout& layout, const PackShape& shape, size_t vl32, const PackSource& source, size_t first,
                     size_t last, std::byte* out) {
  const PanelMap map = panel_map(layout, shape, vl32);
  const bool nibbles = layout.elem == DType::kU4;
  const size_t first_tap = source.taps.empty() ? 0 : source.taps.front();
  // Rows of nibbles must be whole bytes and whole groups.
  const bool whole = !nibbles || (shape.taps == 1 && shape.kc % 4 == 0 && source.row_stride % 2 == 0 && first_tap % 2 == 0);
  if (!rows_of_same_type(layout, source) || !whole)
    return pack_panels(layout, shape, vl32, source, first, last, out);
  const size_t bits = layout_bits(layout.elem);
  int32_t sums[kMaxPanelRows];
  float scaled_sums[kMaxPanelRows];
  for (size_t p = first; p < last; ++p) {
    const size_t row = p * map.rows, rows = std::min(map.rows, shape.rows - row);
    std::byte* panel = out + p * map.stride;
    std::memset(panel, 0, map.data);
    std::memset(panel + map.tail, 0, map.stride - map.tail);
    if (nibbles) {
      const size_t blocks = layout.block_scales ? shape.kc / shape.block : 0;
      transpose_nibbles_sme({.rows = rows,
                             .groups = shape.kc / 4,
                             .data = source.data + (first_tap + row * source.row_stride) / 2,
                             .row_stride = source.row_stride / 2,
                             .block_groups = map.block_groups,
                             .scales = reinterpret_cast<const std::byte*>(source.block_scale + row * blocks),
                             .scale_stride = blocks * 2,
                             .out = panel + map.data,
                             .sums = sums,
                             .scaled_sums = scaled_sums});
    } else {
      transpose_panel_sme({.rows = rows,
                           .taps = shape.taps,
                           .bytes = shape.kc * bits / 8,
                           .data = source.data + row * source.row_stride * bits / 8,
                           .tap_offset = source.taps.empty() ? nullptr : source.taps.data(),
                           .tap_unit = bits / 8,
                           .row_stride = source.row_stride * bits / 8,
                           .out = panel + map.data,
                           .sums = layout.elem == DType::kS8 ? sums : nullptr});
    }
    put_fields(layout, map, source, row, rows, sums, scaled_sums, panel);
  }
}

void pack_lhs_sme(const PackLayout& layout, size_t vl32, size_t m, size_t taps, size_t kc, const void* const* rows,
                  std::byte* out) {
  transpose_words_sme(word_rows(layout, vl32, m, taps, kc, rows, out));
}

void pack_lhs_sme2(const PackLayout& layout, size_t vl32, size_t m, size_t taps, size_t kc, const void* const* rows,
                   std::byte* out) {
  transpose_words_sme2(word_rows(layout, vl32, m, taps, kc, rows, out));
}

void quantize_lhs_sme(const PackLayout& layout, size_t vl32, size_t m, size_t k, const void* const* rows,
                      RowQuant* row_quant, std::byte* out) {
  quantize_rows_sme(float_rows(layout, vl32, m, k, rows, row_quant, out));
}

void quantize_row_sme(const PackLayout&, size_t, size_t m, size_t k, const void* const* rows, RowQuant* row_quant,
                      std::byte* out) {
  quantize_rows_sme({.rows = m, .k = k, .row = rows, .row_quant = row_quant, .out = out, .panel_stride = 0});
}

void quantize_lhs_sme2(const PackLayout& layout, size_t vl32, size_t m, size_t k, const void* const* rows,
                      RowQuant* row_quant, std::byte* out) {
  quantize_rows_sme2(float_rows(layout, vl32, m, k, rows, row_quant, out));
}

void quantize_row_sme2(const PackLayout&, size_t, size_t m, size_t k, const void* const* rows, RowQuant* row_quant,
                      std::byte* out) {
  quantize_rows_sme2({.rows = m, .k = k, .row = rows, .row_quant = row_quant, .out = out, .panel_stride = 0});
}

}  // namespace smelt
