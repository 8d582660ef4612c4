#include "kernels/gemm/rows.h"

#include <algorithm>

namespace smelt {

namespace {

void resolve_matrix_rows(const MatrixRows& map, size_t first, size_t count, const std::byte* lhs, std::byte* output,
                         const void** in, void** out) {
  for (size_t i = 0; i < count; ++i) {
    in[i] = lhs + (first + i) * map.lhs_stride;
    out[i] = output + (first + i) * map.out_stride;
  }
}

void resolve_panel_rows(const PanelRows& map, size_t first, size_t count, std::byte* output, void** out) {
  for (size_t i = 0; i < count; ++i) out[i] = output + (first + i) * map.out_stride;
}

// Positions of which every offset falls inside: [first, last).
struct Interior {
  size_t first = 0, last = 0;
};

Interior interior_of(const WindowAxis& axis) {
  if (axis.offsets.empty()) return {0, axis.count};
  if (axis.in_step <= 0) return {};
  const auto [low, high] = std::minmax_element(axis.offsets.begin(), axis.offsets.end());
  const ptrdiff_t first = *low >= 0 ? 0 : (-*low + axis.in_step - 1) / axis.in_step;
  const ptrdiff_t room = ptrdiff_t(axis.in_extent) - 1 - *high;
  if (room < 0) return {};
  return {size_t(first), std::min(axis.count, size_t(room / axis.in_step) + 1)};
}

// All pointers of one position, each checked.
void resolve_position(const WindowRows& map, size_t y, size_t x, const std::byte* lhs, const std::byte* zero,
                      const void** in) {
  for (ptrdiff_t dy : map.y.offsets) {
    const ptrdiff_t in_y = ptrdiff_t(y) * map.y.in_step + dy;
    const bool inside = in_y >= 0 && size_t(in_y) < map.y.in_extent;
    const std::byte* line = inside ? lhs + size_t(in_y) * map.in_line : nullptr;
    for (ptrdiff_t dx : map.x.offsets) {
      const ptrdiff_t in_x = ptrdiff_t(x) * map.x.in_step + dx;
      *in++ = inside && in_x >= 0 && size_t(in_x) < map.x.in_extent ? line + size_t(in_x) * map.in_pixel : zero;
    }
  }
}

void resolve_window_rows(const WindowRows& map, size_t first, size_t count, const std::byte* lhs,
                         const std::byte* zero, std::byte* output, const void** in, void** out) {
  const size_t taps = map.taps();
  const Interior columns = interior_of(map.x), lines = interior_of(map.y);
  const size_t step = size_t(map.x.in_step) * map.in_pixel, out_step = map.x.out_step * map.out_pixel;
  size_t y = first / map.x.count, x = first % map.x.count;
  while (count != 0) {
    // Inside, the pointers of neighbouring positions are a step apart.
    const bool inside = y >= lines.first && y < lines.last && x >= columns.first && x < columns.last;
    const size_t run = inside ? std::min(count, columns.last - x) : 1;
    resolve_position(map, y, x, lhs, zero, in);
    for (size_t t = 0; t < taps && run > 1; ++t) {
      const std::byte* p = static_cast<const std::byte*>(in[t]);
      for (size_t i = 1; i < run; ++i) in[i * taps + t] = p += step;
    }
    std::byte* o = output + (map.y.out_first + y * map.y.out_step) * map.out_line +
                   (map.x.out_first + x * map.x.out_step) * map.out_pixel;
    for (size_t i = 0; i < run; ++i) out[i] = o + i * out_step;
    in += run * taps;
    out += run;
    count -= run;
    x += run;
    if (x == map.x.count) {
      x = 0;
      ++y;
    }
  }
}

}  // namespace

void resolve_rows(const RowMap& map, size_t first, size_t count, const std::byte* lhs, const std::byte* zero,
                  std::byte* output, const void** in, void** out) noexcept {
  if (const auto* matrix = std::get_if<MatrixRows>(&map))
    resolve_matrix_rows(*matrix, first, count, lhs, output, in, out);
  else if (const auto* panels = std::get_if<PanelRows>(&map))
    resolve_panel_rows(*panels, first, count, output, out);
  else
    resolve_window_rows(*std::get_if<WindowRows>(&map), first, count, lhs, zero, output, in, out);
}

}  // namespace smelt
