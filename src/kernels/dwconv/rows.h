// Where the input pixels of a depthwise convolution lie: the pointers of DwconvBlock, for a
// rectangle of the output.
#pragma once

#include "kernels/dwconv/dwconv_kernel.h"
#include "kernels/gemm/rows.h"

namespace smelt {

/// Output pixels: `lines` lines of `pixels`, from (y, x) on.
struct OutputPixels {
  size_t y, x, lines, pixels;
};

/// How the pointers of a rectangle lie in memory: rows of columns. Pixels share them along an axis
/// where the filter's positions are neighbours and overlap; otherwise each pixel has its own.
struct TapPointers {
  size_t rows, columns;
  bool shared_rows, shared_columns;
  size_t line_step, tap_step, pixel_step;  ///< as in DwconvBlock
  size_t count() const { return rows * columns; }
};
TapPointers tap_pointers(const WindowRows&, size_t lines, size_t pixels);

/// Writes them: tap_pointers().count() pointers at `in`, one per pixel at `out`. Inputs outside the
/// image are `zero`.
void resolve_tap_pointers(const WindowRows&, const OutputPixels&, const std::byte* lhs,
                          const std::byte* zero, std::byte* output, const void** in,
                          void** out) noexcept;

}  // namespace smelt
