#include "kernels/dwconv/rows.h"

#include <algorithm>

namespace smelt {

namespace {

bool overlap(const WindowAxis& axis) {
  for (size_t i = 1; i < axis.offsets.size(); ++i)
    if (axis.offsets[i] != axis.offsets[i - 1] + 1) return false;
  return axis.in_step > 0 && size_t(axis.in_step) < axis.offsets.size();
}

// Pointers along an axis, for `count` neighbouring outputs.
size_t positions(const WindowAxis& axis, bool shared, size_t count) {
  if (count == 0) return 0;
  return shared ? (count - 1) * size_t(axis.in_step) + axis.offsets.size()
                : count * axis.offsets.size();
}

// `count` pointers to input positions from, from + step, … of a line, each `stride` pointers after
// the other; null: no line.
void resolve_run(const WindowRows& map, const std::byte* line, ptrdiff_t from, ptrdiff_t step,
                 size_t count, const std::byte* zero, const void** in, size_t stride) {
  const ptrdiff_t end = ptrdiff_t(map.x.in_extent);
  // Positions [first, last) lie inside.
  size_t first = count, last = count;
  if (line != nullptr && from < end) {
    first = from >= 0 ? 0 : std::min(count, size_t((-from + step - 1) / step));
    last = std::clamp(size_t((end - 1 - from) / step) + 1, first, count);
  }
  size_t i = 0;
  for (; i < first; ++i, in += stride) *in = zero;
  size_t at = size_t(from + ptrdiff_t(i) * step) * map.in_pixel;
  for (; i < last; ++i, in += stride, at += size_t(step) * map.in_pixel) *in = line + at;
  for (; i < count; ++i, in += stride) *in = zero;
}

}  // namespace

TapPointers tap_pointers(const WindowRows& map, size_t lines, size_t pixels) {
  TapPointers to{};
  to.shared_rows = overlap(map.y);
  to.shared_columns = overlap(map.x);
  to.rows = positions(map.y, to.shared_rows, lines);
  to.columns = positions(map.x, to.shared_columns, pixels);
  to.tap_step = to.columns;
  to.line_step = (to.shared_rows ? size_t(map.y.in_step) : map.y.offsets.size()) * to.columns;
  to.pixel_step = to.shared_columns ? size_t(map.x.in_step) : map.x.offsets.size();
  return to;
}

void resolve_tap_pointers(const WindowRows& map, const OutputPixels& o, const std::byte* lhs,
                          const std::byte* zero, std::byte* output, const void** in,
                          void** out) noexcept {
  const TapPointers to = tap_pointers(map, o.lines, o.pixels);
  const size_t height = map.y.offsets.size();
  const ptrdiff_t first_x = ptrdiff_t(o.x) * map.x.in_step,
                  first_y = ptrdiff_t(o.y) * map.y.in_step;
  for (size_t r = 0; r < to.rows; ++r, in += to.columns) {
    const ptrdiff_t y = to.shared_rows ? first_y + map.y.offsets[0] + ptrdiff_t(r)
                                       : first_y + ptrdiff_t(r / height) * map.y.in_step +
                                             map.y.offsets[r % height];
    const std::byte* line =
        y >= 0 && size_t(y) < map.y.in_extent ? lhs + size_t(y) * map.in_line : nullptr;
    if (to.shared_columns) {
      resolve_run(map, line, first_x + map.x.offsets[0], 1, to.columns, zero, in, 1);
      continue;
    }
    for (size_t c = 0; c < map.x.offsets.size(); ++c)
      resolve_run(map, line, first_x + map.x.offsets[c], map.x.in_step, o.pixels, zero, in + c,
                  to.pixel_step);
  }
  for (size_t l = 0; l < o.lines; ++l) {
    std::byte* pixel = output + (map.y.out_first + (o.y + l) * map.y.out_step) * map.out_line +
                       (map.x.out_first + o.x * map.x.out_step) * map.out_pixel;
    for (size_t i = 0; i < o.pixels; ++i, pixel += map.x.out_step * map.out_pixel) *out++ = pixel;
  }
}

}  // namespace smelt
