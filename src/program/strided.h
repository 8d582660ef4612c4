// Tensors seen through strides: copies of any rearrangement, and loops that map blocks of elements.
#pragma once

#include <cstddef>
#include <span>

#include "base/status.h"
#include "program/block.h"
#include "program/evalue.h"
#include "program/operator.h"

namespace smelt::program {

/// Elements somewhere: strides count elements, may be 0 (broadcast) or negative (flipped).
struct Strided {
  std::byte* data;
  DType dtype;
  Shape shape, strides;

  Strided() = default;
  Strided(std::byte* d, DType t, const Shape& s, const Shape& st)
      : data(d), dtype(t), shape(s), strides(st) {}
  explicit Strided(const Tensor& t) : Strided(t.data, t.dtype, t.shape, t.strides) {}

  /// Moves the start along a dimension and shortens it.
  void narrow(size_t dim, int64_t start, int64_t length) {
    // A tensor without elements may have no memory either.
    if (data != nullptr) data += start * strides[dim] * ptrdiff_t(element_size(dtype));
    shape[dim] = length;
  }
  void erase(size_t dim);
  void insert(size_t dim, int64_t extent, int64_t stride);
};

/// Row-major strides of a shape.
Shape row_major_strides(const Shape&);
/// The same elements with dimension i where perm[i] was.
Strided permuted(const Strided&, std::span<const size_t> perm);
/// Seen with a larger shape: leading dimensions added, extents of 1 repeated. The shapes are
/// compatible.
Strided broadcast(const Strided&, const Shape& to);

/// Whether the i-th elements of both, counted in the order of their indices, lie at the same
/// distance from the first ones, for all i. The shapes may differ.
bool same_places(const Strided&, const Strided&);

/// The parts of a complex tensor as tensors of reals. A tensor of reals is its own real part; its
/// imaginary part is zero.
Strided real_part(const Strided&);
Strided imaginary_part(const Strided&);

/// What loops run on: an operator's call says it.
struct Machine {
  const VectorKernels& kernels;
  ThreadPool& pool;

  Machine(const VectorKernels& k, ThreadPool& p) : kernels(k), pool(p) {}
  Machine(const Call& call) : kernels(call.vectors()), pool(call.pool()) {}
};

/// Copies all elements of src to dst, which has the same shape; converts where types differ
/// (complex to real: the real part). On all workers when there is much to do.
void copy(const Machine&, const Strided& dst, const Strided& src);

/// A function over blocks: out[i] = f(in[0][i], in[1][i], …).
using BlockFn = void (*)(const void* const* in, void* out, size_t n, const void* params);

inline constexpr size_t kMapInputsMax = 4;

/// Applies f to all elements of `out`; inputs are broadcast to its shape. f gets and gives elements
/// of the computing type. In any order, on all workers when there is much to do. `out` may be one
/// of the inputs.
void map(const Machine&, Compute, const Strided& out, std::span<const Strided> inputs, BlockFn,
         const void* params);

/// The same for a function that takes and gives elements as they are stored, of at most eight bytes.
void map_stored(const Machine&, const Strided& out, std::span<const Strided> inputs, BlockFn,
                const void* params);

/// The shape that both broadcast to. kInvalidFile names both.
Result<Shape> broadcast_shapes(const Shape&, const Shape&);

/// A dimension counted from the front: -1 is the last. A scalar has a dimension 0 to name.
Result<size_t> normalize_dim(int64_t dim, size_t rank);

}  // namespace smelt::program
