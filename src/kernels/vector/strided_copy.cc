#include "kernels/vector/strided_copy.h"

#include <bit>
#include <cstring>

namespace smelt {

namespace {

/// One piece of a long run, or of a transposition's columns.
constexpr size_t kPieceBytes = size_t(1) << 15;

void copy_elements(const char* in, ptrdiff_t in_stride, char* out, ptrdiff_t out_stride, size_t n,
                   size_t bytes) {
  const auto loop = [&](auto constant) {
    for (size_t i = 0; i < n; ++i) {
      std::memcpy(out + ptrdiff_t(i) * out_stride, in + ptrdiff_t(i) * in_stride,
                  decltype(constant)::value);
    }
  };
  switch (bytes) {
    case 1:
      return loop(std::integral_constant<size_t, 1>());
    case 2:
      return loop(std::integral_constant<size_t, 2>());
    case 4:
      return loop(std::integral_constant<size_t, 4>());
    case 8:
      return loop(std::integral_constant<size_t, 8>());
    case 16:
      return loop(std::integral_constant<size_t, 16>());
    case 32:
      return loop(std::integral_constant<size_t, 32>());
    default:
      return loop(std::integral_constant<size_t, 64>());
  }
}

}  // namespace

StridedCopy::StridedCopy(const VectorKernels& kernels, size_t element_bytes,
                         std::span<const Dim> dims)
    : kernels_(kernels), element_bytes_(element_bytes) {
  bytes_ = element_bytes;
  for (const Dim& d : dims) {
    bytes_ *= d.extent;
    append(d);
  }
  if (bytes_ == 0) return;

  // The innermost run, if input and output both have one.
  run_bytes_ = element_bytes;
  if (rank_ > 0) {
    const Dim& last = dims_[rank_ - 1];
    if (last.in_stride == ptrdiff_t(element_bytes) && last.out_stride == ptrdiff_t(element_bytes)) {
      run_bytes_ *= last.extent;
      --rank_;
    }
  }
  identity_ = run_bytes_ == bytes_;
  // A short run is an element of its own, which one move copies; up to eight bytes can be
  // transposed as well.
  if (run_bytes_ <= 64 && std::has_single_bit(run_bytes_)) {
    element_bytes_ = run_bytes_;
    if (rank_ > 0) {
      inner_ = Inner::kElements;
      cols_ = dims_[--rank_];
      const ptrdiff_t element = ptrdiff_t(element_bytes_);
      // Output contiguous here, input contiguous in another dimension: that one becomes the
      // columns.
      const bool movable = element <= 8 && cols_.out_stride == element && cols_.in_stride > 0;
      for (size_t i = rank_; movable && i-- > 0;) {
        if (dims_[i].in_stride != element || dims_[i].out_stride <= 0) continue;
        inner_ = Inner::kTranspose;
        rows_ = cols_;
        cols_ = dims_[i];
        for (size_t j = i + 1; j < rank_; ++j) dims_[j - 1] = dims_[j];
        --rank_;
        break;
      }
    }
  }

  // Cut long inner loops into pieces, so that they can be shared out and stay in the cache.
  Dim piece = {};
  if (inner_ == Inner::kRun) {
    if (run_bytes_ >= 2 * kPieceBytes && run_bytes_ % kPieceBytes == 0) {
      piece = {run_bytes_ / kPieceBytes, kPieceBytes, kPieceBytes};
      run_bytes_ = kPieceBytes;
    }
  } else if (inner_ == Inner::kTranspose) {
    const size_t column_bytes = rows_.extent * element_bytes_;
    size_t width = cols_.extent;
    while (width % 2 == 0 && width / 2 * element_bytes_ >= 64 && width * column_bytes > kPieceBytes)
      width /= 2;
    if (width != cols_.extent) {
      piece = {cols_.extent / width, cols_.in_stride * ptrdiff_t(width),
               cols_.out_stride * ptrdiff_t(width)};
      cols_.extent = width;
    }
  }
  if (piece.extent > 1 && rank_ < kMaxDims) dims_[rank_++] = piece;

  pieces_ = 1;
  for (size_t i = 0; i < rank_; ++i) pieces_ *= dims_[i].extent;
}

void StridedCopy::append(Dim dim) {
  if (dim.extent == 1) return;
  if (rank_ > 0) {
    Dim& outer = dims_[rank_ - 1];
    if (outer.in_stride == dim.in_stride * ptrdiff_t(dim.extent) &&
        outer.out_stride == dim.out_stride * ptrdiff_t(dim.extent)) {
      outer = {outer.extent * dim.extent, dim.in_stride, dim.out_stride};
      return;
    }
  }
  dims_[rank_++] = dim;
}

void StridedCopy::run(const void* in, void* out, size_t begin, size_t end) const {
  if (begin >= end) return;
  std::array<size_t, kMaxDims> index{};
  const char* src = static_cast<const char*>(in);
  char* dst = static_cast<char*>(out);
  for (size_t i = rank_, rest = begin; i-- > 0;) {
    index[i] = rest % dims_[i].extent;
    rest /= dims_[i].extent;
    src += ptrdiff_t(index[i]) * dims_[i].in_stride;
    dst += ptrdiff_t(index[i]) * dims_[i].out_stride;
  }
  for (size_t piece = begin;;) {
    switch (inner_) {
      case Inner::kRun:
        std::memcpy(dst, src, run_bytes_);
        break;
      case Inner::kElements:
        copy_elements(src, cols_.in_stride, dst, cols_.out_stride, cols_.extent, element_bytes_);
        break;
      case Inner::kTranspose:
        kernels_.transpose[std::countr_zero(element_bytes_)](src, size_t(rows_.in_stride), dst,
                                                             size_t(cols_.out_stride), rows_.extent,
                                                             cols_.extent);
        break;
    }
    if (++piece == end) return;
    for (size_t i = rank_; i-- > 0;) {
      src += dims_[i].in_stride;
      dst += dims_[i].out_stride;
      if (++index[i] < dims_[i].extent) break;
      src -= ptrdiff_t(index[i]) * dims_[i].in_stride;
      dst -= ptrdiff_t(index[i]) * dims_[i].out_stride;
      index[i] = 0;
    }
  }
}

}  // namespace smelt
