// Copies of images with their padding, in the form that a kernel reads.
//
// Overlapping windows read each pixel many times. Where a kernel converts what it reads, a copy is
// converted once; and since it holds the padding, every window lies in memory as it is: nothing is
// checked at the edges, and the taps of one line of a filter, which are neighbours there, become
// one tap.
#pragma once

#include <span>

#include "kernels/gemm/gemm_kernel.h"
#include "kernels/gemm/rows.h"
#include "ops/op.h"

namespace smelt {

/// Input positions [first, last) of one axis, of which [0, extent) exist; the others are padding.
struct AxisSpan {
  ptrdiff_t first = 0, last = 0;
  size_t extent = 0;

  size_t size() const { return size_t(last - first); }
  size_t before() const { return first < 0 ? std::min(size_t(-first), size()) : 0; }
  /// Positions that exist.
  size_t inside() const;
  /// Grows to hold all that the axis reads; its extent is that of the images.
  void add(const WindowAxis&);
};

class PaddedImages {
 public:
  /// Dense NHWC images; `pixel` elements each.
  PaddedImages(const GemmKernel&, size_t images, AxisSpan y, AxisSpan x, size_t pixel, int8_t zero);

  /// The same windows in a copy. `dense_taps`: the taps of a line become one.
  WindowRows windows(const WindowRows&, bool dense_taps) const;
  size_t element_bytes() const { return out_element_; }
  size_t image_bytes() const { return y_.size() * line_; }
  /// Nothing if they overflow.
  std::optional<size_t> bytes() const;

  /// Padding is `zero`, or the zero point of each image's own.
  void run(const std::byte* in, const RowQuant* zeros, std::byte* out, ThreadPool&) const noexcept;

 private:
  void copy_line(const std::byte* in, int8_t zero, std::byte* out) const noexcept;
  void pad(int8_t zero, std::byte* out, size_t elements) const noexcept;

  PreparedForm form_;
  size_t images_;
  AxisSpan y_, x_;
  size_t pixel_, in_element_, out_element_;
  size_t line_;  ///< bytes of a line of a copy: with room for what a conversion writes beyond it
  int8_t zero_;
};

}  // namespace smelt
