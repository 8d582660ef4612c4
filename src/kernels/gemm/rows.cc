#include "kernels/gemm/rows.h"

namespace smelt {

namespace {

void resolve_matrix_rows(const MatrixRows& map, size_t first, size_t count, const std::byte* lhs, std::byte* output,
                         const void** in, void** out) {
  for (size_t i = 0; i < count; ++i) {
    in[i] = lhs + (first + i) * map.lhs_stride;
    out[i] = output + (first + i) * map.out_stride;
  }
}

}  // namespace

void resolve_window_rows(const WindowRows& map, size_t first, size_t count, const std::byte* lhs,
                         const std::byte* zero, std::byte* output, const void** in, void** out) noexcept {
  for (size_t i = first; i < first + count; ++i) {
    const size_t y = i / map.x.count, x = i % map.x.count;
    for (ptrdiff_t dy : map.y.offsets) {
      const ptrdiff_t in_y = ptrdiff_t(y) * map.y.in_step + dy;
      const bool inside = in_y >= 0 && size_t(in_y) < map.y.in_extent;
      const std::byte* line = inside ? lhs + size_t(in_y) * map.in_line : nullptr;
      for (ptrdiff_t dx : map.x.offsets) {
        const ptrdiff_t in_x = ptrdiff_t(x) * map.x.in_step + dx;
        *in++ = inside && in_x >= 0 && size_t(in_x) < map.x.in_extent ? line + size_t(in_x) * map.in_pixel : zero;
      }
    }
    *out++ = output + (map.y.out_first + y * map.y.out_step) * map.out_line +
             (map.x.out_first + x * map.x.out_step) * map.out_pixel;
  }
}

void resolve_rows(const RowMap& map, size_t first, size_t count, const std::byte* lhs, const std::byte* zero,
                  std::byte* output, const void** in, void** out) noexcept {
  if (const auto* matrix = std::get_if<MatrixRows>(&map))
    resolve_matrix_rows(*matrix, first, count, lhs, output, in, out);
  else
    resolve_window_rows(*std::get_if<WindowRows>(&map), first, count, lhs, zero, output, in, out);
}

}  // namespace smelt
