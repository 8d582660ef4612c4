// Windows that slide over the innermost dimensions of a tensor: what convolution and pooling have
// in common.
#pragma once

#include <span>

#include "program/operators/common.h"

namespace smelt::program {

/// One spatial dimension of a sliding window.
struct Window {
  int64_t in = 1, out = 1;  ///< extents
  int64_t kernel = 1, stride = 1, padding = 0, dilation = 1;

  /// Output positions for which `in_at(position, tap)` lies inside the input: [first, last).
  int64_t in_at(int64_t position, int64_t tap) const {
    return position * stride - padding + tap * dilation;
  }
  int64_t first(int64_t tap) const {
    const int64_t lack = padding - tap * dilation;
    return lack <= 0 ? 0 : std::min(div_up(lack, stride), out);
  }
  int64_t last(int64_t tap) const {
    const int64_t room = in - 1 + padding - tap * dilation;
    return room < 0 ? 0 : std::min(room / stride + 1, out);
  }
};

/// An attribute for dimension `i` of `n`: one value may stand for all.
inline Result<int64_t> window_attribute(std::span<const int64_t> list, size_t i, size_t n,
                                        int64_t absent, int64_t least, std::string_view what) {
  if (!list.empty() && list.size() != 1 && list.size() != n) {
    return invalid("{} values of {} for {} dimensions", list.size(), what, n);
  }
  const int64_t v = list.empty() ? absent : list.size() == 1 ? list[0] : list[i];
  // Far above any real one; keeps the arithmetic of positions in range.
  if (v < least || v > INT32_MAX)
    return invalid("a {} of {} for dimension {} of {}", what, v, i, n);
  return v;
}

/// Gives dimension `i` of `n` of a pooling window its attributes, and the number of its positions;
/// w.in is known.
inline Status slide(Window& w, size_t i, size_t n, std::span<const int64_t> kernel,
                    std::span<const int64_t> stride, std::span<const int64_t> padding,
                    std::span<const int64_t> dilation, bool ceil_mode) {
  SMELT_ASSIGN(w.kernel, window_attribute(kernel, i, n, 0, 1, "kernel"));
  SMELT_ASSIGN(w.stride, window_attribute(stride, i, n, w.kernel, 1, "stride"));
  SMELT_ASSIGN(w.padding, window_attribute(padding, i, n, 0, 0, "padding"));
  SMELT_ASSIGN(w.dilation, window_attribute(dilation, i, n, 1, 1, "dilation"));
  if (w.padding > w.kernel / 2) {
    return invalid("dimension {} of {}: padding {} for a kernel of {}, of which it may be half", i,
                   n, w.padding, w.kernel);
  }
  const int64_t room = w.in + 2 * w.padding - w.dilation * (w.kernel - 1) - 1;
  if (room < 0 || w.in == 0) {
    return invalid(
        "dimension {} of {}: a kernel of {} with dilation {} spans {} elements, and with padding "
        "{} "
        "there are {}",
        i, n, w.kernel, w.dilation, w.dilation * (w.kernel - 1) + 1, w.padding,
        w.in + 2 * w.padding);
  }
  w.out = room / w.stride + 1;
  if (ceil_mode && room % w.stride != 0 && w.out * w.stride < w.in + w.padding) {
    ++w.out;  // a last window that starts inside the input or its left padding
  }
  return {};
}

}  // namespace smelt::program
