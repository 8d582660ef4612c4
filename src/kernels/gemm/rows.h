// Where the rows of a GEMM lie in memory: a matrix's one after the other, or in panels, a sliding window's by geometry.
#pragma once

#include <cstddef>
#include <variant>
#include <vector>

namespace smelt {

/// Row i of the left side at i * lhs_stride, of the output at i * out_stride (bytes). One tap.
struct MatrixRows {
  size_t lhs_stride = 0, out_stride = 0;
};

/// The left side is packed as the kernel wants it, rows of the output are at i * out_stride (bytes). One tap.
struct PanelRows {
  size_t out_stride = 0;
};

/// One axis of a sliding window. Position i reads input positions i * in_step + offsets[t], which are padding where they
/// fall outside [0, in_extent), and writes output position out_first + i * out_step.
struct WindowAxis {
  size_t count = 0;
  size_t in_extent = 0;
  ptrdiff_t in_step = 1;
  std::vector<ptrdiff_t> offsets = {};
  size_t out_first = 0, out_step = 1;
};

/// Row i is position (i / x.count, i % x.count); taps are y-major. Strides in bytes.
struct WindowRows {
  WindowAxis y, x;
  size_t in_line = 0, in_pixel = 0;
  size_t out_line = 0, out_pixel = 0;

  size_t rows() const { return y.count * x.count; }
  size_t taps() const { return y.offsets.size() * x.offsets.size(); }
};

using RowMap = std::variant<MatrixRows, PanelRows, WindowRows>;

/// Pointers for rows [first, first + count): `in` gets count x taps (nothing, if rows lie in panels), `out` gets count. `zero` stands for padding.
void resolve_rows(const RowMap&, size_t first, size_t count, const std::byte* lhs, const std::byte* zero,
                  std::byte* output, const void** in, void** out) noexcept;

}  // namespace smelt
