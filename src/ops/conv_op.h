// Convolutions as matrix products without im2col: rows of the left side are pointers to the pixels
// under the filter.
#pragma once

#include <vector>

#include "ops/gemm_op.h"
#include "ops/gemm_ops.h"

namespace smelt {

/// What a node says about one spatial axis. All but pads and adjustment are at least 1.
struct ConvAxis {
  size_t kernel, stride, dilation, pad_before, pad_after, adjust;

  /// Extent of the dilated filter; does not overflow, because all factors have 32 bits.
  uint64_t span() const { return uint64_t(kernel - 1) * dilation + 1; }
};
struct ConvAxes {
  ConvAxis y, x;
};
Result<ConvAxes> conv_axes(const ConvAttrs&);

/// How input and output positions of one axis belong together. Output positions fall into phases:
/// those of one phase see the same taps of the filter.
struct WindowRule {
  /// Output extent; kInvalidArgument if there is none.
  Result<size_t> (*output)(const ConvAxis&, size_t in);
  size_t (*phases)(const ConvAxis&);
  /// The filter positions of a phase, ascending.
  std::vector<size_t> (*taps)(const ConvAxis&, size_t phase);
  /// The window of a phase; count is 0 if no output position belongs to it.
  WindowAxis (*window)(const ConvAxis&, size_t phase, size_t in, size_t out);
};

/// NHWC input [n, h, w, groups * in_per_group] and output, filter [groups * out_per_group, kh, kw,
/// in_per_group].
Result<std::unique_ptr<const Op>> make_conv(const NodeSpec&, const Cpu&, const WindowRule&);

/// Checks that an input is [n, h, w, channels].
Status check_nhwc(const Shape&, size_t channels);

/// [n, h', w', channels] for an input [n, h, w, …].
Result<Shape> conv_output(const Shape& input, const ConvAxes&, const WindowRule&, size_t channels);

/// The rule of a plain convolution: one phase, which sees all taps.
const WindowRule& convolution_rule();

}  // namespace smelt
