// Kernels for sums and extremes over rows and columns; a part of vector_kernels.h, and as that
// without the standard library.
#pragma once

#include <cstddef>

namespace smelt {

struct Deviations {
  float sum, squares;  ///< of x - centre
};

/// Sums of the deviations from a number, and of their squares. Both are float32: for some hundreds
/// of elements, whose sums the caller adds up in double.
using RowDeviationsFn = Deviations (*)(const void* in, size_t n, float centre);
/// sums[j] += the sum over the rows of in[row][j]; rows are `stride` bytes apart.
using ColumnSumsFn = void (*)(const void* in, size_t stride, size_t rows, double* sums, size_t n);
/// out[j] = the largest (or smallest) of in[row][j], NaN if there is one; rows >= 1.
using ColumnFoldFn = void (*)(const void* in, size_t stride, size_t rows, void* out, size_t n);

}  // namespace smelt
