// Sums and moments of rows of floats: by vector kernels in float32 for a few hundred elements at a
// time, and in double from there.
#pragma once

#include <algorithm>
#include <cmath>

#include "program/operators/dense.h"

namespace smelt::program {

inline constexpr size_t kSummedTogether = 256;

/// Calls f(element) in double for n <= kSummedTogether elements: where float32 is too narrow.
template <class F>
void each_in_double(DType t, const std::byte* x, size_t n, F f) {
  double block[kSummedTogether];
  load_block(t, x, 1, n, Compute::kF64, block);
  for (size_t i = 0; i < n; ++i) f(block[i]);
}

/// The sum of n elements of a type that kernels are for: float32, float16 or bfloat16.
inline double row_sum(const VectorKernels& kernels, DType t, const std::byte* x, size_t n) {
  const RowReduceFn sum = kernel_for(kernels.row_sum, t);
  const size_t size = element_size(t);
  double total = 0;
  for (size_t i = 0; i < n; i += kSummedTogether) {
    const size_t count = std::min(kSummedTogether, n - i);
    const double part = double(sum(x + i * size, count));
    if (std::isfinite(part)) {
      total += part;
    } else {
      each_in_double(t, x + i * size, count, [&](double v) { total += v; });
    }
  }
  return total;
}

/// The sum of the squared deviations from the mean of several rows, each added in turn. The centre
/// is near the mean; what it misses is taken off at the end.
class SquaredDeviations {
 public:
  SquaredDeviations(const VectorKernels& kernels, DType t, double centre)
      : kernel_(kernel_for(kernels.row_deviations, t)),
        type_(t),
        size_(element_size(t)),
        centre_(float(centre)) {}

  void add(const std::byte* x, size_t n) {
    for (size_t i = 0; i < n; i += kSummedTogether) {
      const size_t count = std::min(kSummedTogether, n - i);
      const Deviations d = kernel_(x + i * size_, count, centre_);
      if (std::isfinite(d.squares)) {
        sum_ += double(d.sum);
        squares_ += double(d.squares);
        continue;
      }
      each_in_double(type_, x + i * size_, count, [&](double v) {
        sum_ += v - double(centre_);
        squares_ += (v - double(centre_)) * (v - double(centre_));
      });
    }
    count_ += n;
  }
  double get() const {
    const double squares = squares_ - (count_ == 0 ? 0 : sum_ * sum_ / double(count_));
    return squares < 0 ? 0 : squares;  // NaN stays
  }

 private:
  RowDeviationsFn kernel_;
  DType type_;
  size_t size_, count_ = 0;
  float centre_;
  double sum_ = 0, squares_ = 0;
};

}  // namespace smelt::program
