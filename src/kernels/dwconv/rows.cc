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

// Of `count` positions from, from + step, …: [first, last) lie inside the image, at `at` and every
// `stride` bytes of a line.
struct Run {
  size_t first, last;
  size_t at, stride;
};

Run run_along(const WindowRows& map, ptrdiff_t from, ptrdiff_t step, size_t count) {
  const ptrdiff_t end = ptrdiff_t(map.x.in_extent);
  Run run{count, count, 0, size_t(step) * map.in_pixel};
  if (from >= end) return run;
  run.first = from >= 0 ? 0 : std::min(count, size_t((-from + step - 1) / step));
  run.last = std::clamp(size_t((end - 1 - from) / step) + 1, run.first, count);
  run.at = size_t(from + ptrdiff_t(run.first) * step) * map.in_pixel;
  return run;
}

// Pointers to base + at, base + at + step, …, four at a time.
template <class Pointer, class Byte>
void write_pointers(Pointer* to, Byte* base, size_t at, size_t step, size_t count) {
  for (; count >= 4; count -= 4, to += 4, at += 4 * step) {
    to[0] = base + at;
    to[1] = base + (at + step);
    to[2] = base + (at + 2 * step);
    to[3] = base + (at + 3 * step);
  }
  for (size_t i = 0; i < count; ++i, at += step) to[i] = base + at;
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
  const Run shared =
      to.shared_columns ? run_along(map, first_x + map.x.offsets[0], 1, to.columns) : Run{};
  std::fill_n(in, to.count(), zero);
  for (size_t r = 0; r < to.rows; ++r, in += to.columns) {
    const ptrdiff_t y = to.shared_rows ? first_y + map.y.offsets[0] + ptrdiff_t(r)
                                       : first_y + ptrdiff_t(r / height) * map.y.in_step +
                                             map.y.offsets[r % height];
    if (y < 0 || size_t(y) >= map.y.in_extent) continue;
    const std::byte* line = lhs + size_t(y) * map.in_line;
    if (to.shared_columns) {
      write_pointers(in + shared.first, line, shared.at, shared.stride, shared.last - shared.first);
      continue;
    }
    for (size_t c = 0; c < map.x.offsets.size(); ++c) {
      const Run run = run_along(map, first_x + map.x.offsets[c], map.x.in_step, o.pixels);
      size_t at = run.at;
      for (size_t i = run.first; i < run.last; ++i, at += run.stride)
        in[c + i * to.pixel_step] = line + at;
    }
  }
  const size_t pixel = map.x.out_step * map.out_pixel, line = map.y.out_step * map.out_line;
  const size_t first = (map.y.out_first + o.y * map.y.out_step) * map.out_line +
                       (map.x.out_first + o.x * map.x.out_step) * map.out_pixel;
  // Whole lines are one run.
  const bool whole = line == o.pixels * pixel;
  const size_t runs = whole ? 1 : o.lines, count = whole ? o.lines * o.pixels : o.pixels;
  for (size_t l = 0; l < runs; ++l, out += count)
    write_pointers(out, output, first + l * line, pixel, count);
}

}  // namespace smelt
