// Which elements the windows of a pooling cover.
#pragma once

#include <algorithm>

#include "program/operators/window.h"

namespace smelt::program {

inline constexpr size_t kPoolDims = 3;  ///< fewer are three with extents of 1

/// The elements that one position of a window covers along a dimension, and how many it would cover
/// with the padding.
struct PoolSpan {
  int64_t begin, end, step, padded;
  int64_t count() const { return begin < end ? div_up(end - begin, step) : 0; }
};

/// What is pooled to what: spans for each position along each dimension.
struct PoolVolume {
  size_t count = 1;  ///< volumes: batch × channels
  int64_t in[kPoolDims] = {1, 1, 1}, out[kPoolDims] = {1, 1, 1};
  PoolSpan* spans[kPoolDims];  ///< in scratch memory
  /// The innermost dimension where its windows are alike but for the padding; a kernel of 0 where
  /// not.
  Window columns;
  Shape shape;  ///< of the result

  /// The most elements that a window covers along a dimension.
  size_t most(size_t d) const {
    int64_t n = 0;
    for (int64_t i = 0; i < out[d]; ++i) n = std::max(n, spans[d][i].count());
    return size_t(n);
  }
  size_t in_size() const { return size_t(in[0] * in[1] * in[2]); }
  size_t out_size() const { return size_t(out[0] * out[1] * out[2]); }
};

/// Whether places in a volume fit into the 32 bits that kernels have for them. kUnsupported if not.
Status check_places(const PoolVolume&);

/// Windows that slide over the innermost `dims` dimensions: arguments (self, kernel, stride,
/// padding, …) from `at` on. kInvalidFile if they do not fit.
Result<PoolVolume> sliding_windows(Call&, size_t dims, std::span<const int64_t> dilation,
                                   bool ceil_mode, size_t at = 0);

/// Windows that divide them. kInvalidFile likewise.
Result<PoolVolume> dividing_windows(Call&, const Tensor& self, size_t dims,
                                    std::span<const int64_t> sizes);

}  // namespace smelt::program
