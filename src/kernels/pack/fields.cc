#include "kernels/pack/fields.h"

#include <cstring>

namespace smelt {

void pack_fields(const PackLayout& layout, const PanelMap& map, const PackSource& s,
                 size_t first_row, size_t r, size_t count, const int32_t* sums,
                 const float* scaled_sums, std::byte* panel) {
  const uint8_t fields = layout.head | layout.tail;
  const size_t row = first_row + r;
  const auto for_rows = [&](PanelField field, auto value) {
    if ((fields & field) == 0) return;
    std::byte* out = panel + field_offset(layout, map, field) + r * 4;
    for (size_t i = 0; i < count; ++i) {
      const auto v = value(i);
      static_assert(sizeof v == 4);
      std::memcpy(out + i * 4, &v, 4);
    }
  };
  const auto copy = [&](PanelField field, const auto* values, size_t first) {
    if ((fields & field) != 0)
      std::memcpy(panel + field_offset(layout, map, field) + r * 4, values + first, count * 4);
  };
  if (s.bias != nullptr && s.bias_dtype == DType::kF32)
    copy(kBias, s.bias, row * 4);
  else
    for_rows(kBias, [&](size_t i) { return float(source_bias(s, row + i)); });
  // In unsigned arithmetic, which wraps like the kernels' accumulators: sums whose final value fits
  // are exact.
  const uint32_t zero = uint32_t(s.lhs_zero) + layout.lhs_offset;
  for_rows(kFoldedBias, [&](size_t i) {
    int32_t bias = 0;
    if (s.bias != nullptr) std::memcpy(&bias, s.bias + (row + i) * 4, 4);
    return uint32_t(bias) - zero * uint32_t(sums[i]);
  });
  copy(kRowSum, sums, 0);
  copy(kScale, s.scale, row);
  copy(kScaledRowSum, scaled_sums, 0);
}

}  // namespace smelt
