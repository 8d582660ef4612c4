// A tensor seen as rows: the dimensions that an operator works along, gathered element by element.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "program/block.h"
#include "program/operator.h"
#include "program/strided.h"

namespace smelt::program {

/// Splits the dimensions of a tensor into those that number the rows and those that a row is made
/// of. Both keep their order.
class Rows {
 public:
  Rows(const Strided& t, const std::array<bool, kMaxRank>& in_row) : tensor_(t) {
    for (size_t d = 0; d < t.shape.rank(); ++d) {
      (in_row[d] ? row_ : outer_).push_back(t.shape[d]);
      (in_row[d] ? row_strides_ : outer_strides_).push_back(t.strides[d]);
    }
    contiguous_ = row_strides_ == row_major_strides(row_);
    // Rows that follow each other in equal steps are found without divisions.
    step_ = outer_.rank() == 0 ? 0 : outer_strides_.back();
    int64_t next = step_;
    for (size_t d = outer_.rank(); d-- > 0;) {
      even_ = even_ && outer_strides_[d] == next;
      next = outer_strides_[d] * outer_[d];
    }
    for (size_t d = 0; d < row_.rank(); ++d)
      one_dim_ = one_dim_ && (row_[d] == 1 || d + 1 == row_.rank());
  }

  size_t count() const { return outer_.numel(); }
  size_t length() const { return row_.numel(); }
  const Shape& outer() const { return outer_; }

  /// The first element of row i. Rows of no elements may be nowhere.
  std::byte* start(size_t i) const {
    if (tensor_.data == nullptr) return nullptr;
    if (even_) return tensor_.data + int64_t(i) * step_ * ptrdiff_t(element_size(tensor_.dtype));
    return tensor_.data + offset(outer_, outer_strides_, i);
  }
  /// Whether the elements of a row are neighbours.
  bool contiguous() const { return contiguous_; }
  /// Whether rows of this computing type can be read where they are.
  bool direct(Compute c) const { return contiguous_ && tensor_.dtype == native(c); }
  /// How many rows to convert in one call: short ones that lie side by side would not be worth a
  /// call each.
  size_t together(Compute c) const {
    constexpr size_t kConverted = 512;
    if (direct(c) || !contiguous_ || !even_ || step_ != int64_t(length())) return 1;
    const size_t rows = kConverted / std::max<size_t>(length(), 1);
    return std::max<size_t>(1, std::min(rows, count()));
  }

  /// The elements of row i: in place, or converted into `buffer`, which holds length() elements.
  /// With `rows` of together() or fewer: also of those after it.
  template <class C>
  const C* read(const VectorKernels& kernels, size_t i, C* buffer, size_t rows = 1) const {
    const std::byte* start = this->start(i);
    if (direct(ComputeOf<C>::value)) return reinterpret_cast<const C*>(start);
    const Compute c = ComputeOf<C>::value;
    if (const size_t n = length() * rows; contiguous_ && n >= kShort) {
      load_run(kernels, tensor_.dtype, start, n, c, buffer);
      return buffer;
    } else if (contiguous_) {
      load_block(tensor_.dtype, start, 1, n, c, buffer);
      return buffer;
    }
    each_run(start, [&](std::byte* p, ptrdiff_t stride, size_t at, size_t n) {
      load_block(tensor_.dtype, p, stride, n, c, buffer + at);
    });
    return buffer;
  }
  template <class C>
  void write(const VectorKernels& kernels, size_t i, const C* buffer) const {
    std::byte* start = this->start(i);
    if (reinterpret_cast<const std::byte*>(buffer) == start) return;
    if (contiguous_ && length() >= kShort) {
      return store_run(kernels, tensor_.dtype, start, length(), ComputeOf<C>::value, buffer);
    }
    each_run(start, [&](std::byte* p, ptrdiff_t stride, size_t at, size_t n) {
      store_block(tensor_.dtype, p, stride, n, ComputeOf<C>::value, buffer + at);
    });
  }

 private:
  static constexpr size_t kShort = 32;  ///< for these, a loop ends before a kernel has begun

  ptrdiff_t offset(const Shape& shape, const Shape& strides, size_t i) const {
    ptrdiff_t at = 0;
    for (size_t d = shape.rank(); d-- > 0;) {
      at += ptrdiff_t(i % size_t(shape[d])) * strides[d];
      i /= size_t(shape[d]);
    }
    return at * ptrdiff_t(element_size(tensor_.dtype));
  }
  /// Runs of elements with one stride between them.
  template <class F>
  void each_run(const std::byte* start, F f) const {
    std::byte* p = const_cast<std::byte*>(start);
    if (contiguous_) return f(p, 1, 0, length());
    const size_t inner = row_.rank() == 0 ? 1 : size_t(row_.back());
    const ptrdiff_t stride = row_.rank() == 0 ? 1 : row_strides_.back();
    if (one_dim_) return f(p, stride, 0, inner);
    Shape shape = row_, strides = row_strides_;
    shape.resize(row_.rank() - 1);
    strides.resize(row_.rank() - 1);
    for (size_t i = 0, n = shape.numel(); i < n; ++i) {
      f(p + offset(shape, strides, i), stride, i * inner, inner);
    }
  }

  Strided tensor_;
  Shape outer_, outer_strides_, row_, row_strides_;
  int64_t step_ = 0;  ///< from row to row, in elements, where that is even
  bool contiguous_ = false, one_dim_ = true, even_ = true;
};

/// Calls f(row number, elements, buffer) or f(row number, elements, buffer, worker) for every row
/// on all workers; `elements` may be `buffer`, which is the worker's own and as long as a row.
/// Fails only if there is no memory for buffers.
template <class C, class F>
Status for_each_row(Call& call, const Rows& rows, F f) {
  const size_t n = rows.count(), length = rows.length();
  const bool parallel = n > 1 && n * length > 32768 && call.pool().workers() > 1;
  const size_t together = rows.together(ComputeOf<C>::value);
  const size_t stride = (together * length + 15) / 16 * 16;
  SMELT_ASSIGN(C * buffers,
               call.scratch().take<C>(stride * (parallel ? call.pool().workers() : 1)));
  const VectorKernels& kernels = call.vectors();
  const auto range = [&](size_t begin, size_t end, unsigned worker) {
    for (size_t first = begin, last; first < end; first = last) {
      last = std::min(end, first + together);
      C* buffer = buffers + stride * worker;
      const C* x = rows.read(kernels, first, buffer, last - first);
      for (size_t i = first; i < last; ++i, x += length, buffer += length) {
        if constexpr (std::is_invocable_v<F, size_t, const C*, C*, unsigned>) {
          f(i, x, buffer, worker);
        } else {
          f(i, x, buffer);
        }
      }
    }
  };
  if (parallel) {
    call.pool().parallel_for(n, std::max<size_t>(1, 8192 / std::max<size_t>(length, 1)), range);
  } else {
    range(0, n, 0);
  }
  return {};
}

}  // namespace smelt::program
