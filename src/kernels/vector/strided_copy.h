// Copies between dense or strided arrays of any rank: transposition, slicing, padding,
// concatenation, expansion.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "kernels/vector/vector_kernels.h"

namespace smelt {

/// A copy of an N-dimensional block, planned once: adjacent dimensions are merged, and the
/// innermost loop is a memcpy, a blocked 2-D transposition, or a loop over single elements,
/// whichever the strides allow.
///
/// Immutable after construction. Work is divided into pieces() of roughly equal size, which may run
/// at the same time.
class StridedCopy {
 public:
  static constexpr size_t kMaxDims = 16;

  struct Dim {
    size_t extent;
    ptrdiff_t in_stride, out_stride;  ///< in bytes; an input stride of 0 repeats
  };

  /// At most kMaxDims dimensions, outermost first, of elements of 1, 2, 4 or 8 bytes.
  StridedCopy(const VectorKernels& kernels, size_t element_bytes, std::span<const Dim> dims);

  size_t pieces() const { return pieces_; }
  size_t bytes() const { return bytes_; }
  /// True if it is a copy of one run of memory, as it is.
  bool is_identity() const { return identity_; }

  /// Does the pieces [begin, end). Input and output do not overlap.
  void run(const void* in, void* out, size_t begin, size_t end) const;

 private:
  enum class Inner { kRun, kTranspose, kElements };

  void append(Dim dim);

  const VectorKernels& kernels_;
  std::array<Dim, kMaxDims> dims_{};  ///< the outer loops
  size_t rank_ = 0;
  size_t pieces_ = 0, bytes_ = 0;
  size_t element_bytes_;
  Inner inner_ = Inner::kRun;
  bool identity_ = false;
  size_t run_bytes_ = 0;  ///< kRun
  Dim rows_{},
      cols_{};  ///< kTranspose: in[row][col] to out[col][row]. kElements: cols_ is the loop.
};

}  // namespace smelt
