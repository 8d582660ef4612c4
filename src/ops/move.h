// Ops whose output is made of blocks of their inputs.
#pragma once

#include <vector>

#include "kernels/vector/strided_copy.h"
#include "ops/bound.h"
#include "ops/operand.h"

namespace smelt {

/// Byte strides of a dense tensor.
inline std::array<ptrdiff_t, kMaxRank> dense_strides(const Shape& shape, size_t element_bytes) {
  std::array<ptrdiff_t, kMaxRank> strides{};
  ptrdiff_t stride = ptrdiff_t(element_bytes);
  for (size_t i = shape.rank(); i-- > 0;) {
    strides[i] = stride;
    stride *= ptrdiff_t(shape[i]);
  }
  return strides;
}

/// A copy of one block: `extents` elements from a place in the input to a place in the output.
struct Block {
  StridedCopy copy;
  ptrdiff_t in_offset, out_offset;  ///< in bytes

  void run(const std::byte* in, std::byte* out, RunContext& context) const {
    const size_t pieces = copy.pieces();
    if (pieces == 0) return;
    // Moves are cheap per byte: four bytes count as one element of work.
    for_units(context, pieces, copy.bytes() / pieces / 4, [&](size_t begin, size_t end) {
      copy.run(in + in_offset, out + out_offset, begin, end);
    });
  }
};

/// Elements of `extents`, which both tensors hold, starting at in_start and out_start.
inline Block make_block(const VectorKernels& kernels, DType type, const Shape& in,
                        const Shape& in_start, const Shape& out, const Shape& out_start,
                        const Shape& extents) {
  const size_t bytes = bits(type) / 8;
  const auto in_strides = dense_strides(in, bytes), out_strides = dense_strides(out, bytes);
  std::array<StridedCopy::Dim, kMaxRank> dims;
  ptrdiff_t in_offset = 0, out_offset = 0;
  for (size_t i = 0; i < extents.rank(); ++i) {
    dims[i] = {size_t(extents[i]), in_strides[i], out_strides[i]};
    in_offset += in_strides[i] * in_start[i];
    out_offset += out_strides[i] * out_start[i];
  }
  return {StridedCopy(kernels, bytes, {dims.data(), extents.rank()}), in_offset, out_offset};
}

/// Requantises a whole output, if that is needed.
inline void requantize(const Requantizer& requantizer, std::byte* out, size_t n,
                       RunContext& context) {
  if (!requantizer.needed()) return;
  for_elements(context, n,
               [&](size_t begin, size_t end) { requantizer.run(out + begin, end - begin); });
}

}  // namespace smelt
