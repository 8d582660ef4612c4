// Rows folded into one, in each type that operators compute in: kernels for floats, plain loops for
// the others.
#pragma once

#include "program/operators/common.h"

namespace smelt::program {

/// As the kernels' contracts in vector_kernels.h have it.
template <class C>
struct Folds {
  /// Of the kernels; empty for plain loops.
  static std::string_view name(const VectorKernels&) { return {}; }

  static void sum(const VectorKernels&, const C* const* rows, size_t count, C* out, size_t n) {
    std::copy_n(rows[0], n, out);
    for (size_t r = 1; r < count; ++r) {
      for (size_t i = 0; i < n; ++i) out[i] = add(out[i], rows[r][i]);
    }
  }

  static void argmax(const VectorKernels&, const C* const* rows, const int32_t* first, int32_t step,
                     size_t count, C* out, int32_t* places, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      size_t best = 0;
      for (size_t r = 1; r < count; ++r) {
        const C v = rows[r][i];
        if (v > rows[best][i] || v != v) best = r;
      }
      out[i] = rows[best][i];
      places[i] = first[best] + int32_t(i) * step;
    }
  }

  static void argmax(const VectorKernels&, const C* const* rows, const int32_t* const* row_places,
                     size_t count, C* out, int32_t* places, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      size_t best = 0;
      for (size_t r = 1; r < count; ++r) {
        if (beats(rows[r][i], row_places[r][i], rows[best][i], row_places[best][i])) best = r;
      }
      out[i] = rows[best][i];
      places[i] = row_places[best][i];
    }
  }

  /// Whether an element is to be preferred to another, which need not be the one before it.
  static bool beats(C v, int32_t place, C best, int32_t best_place) {
    if (v != v) return best == best || place > best_place;
    return v > best || (v == best && place < best_place);
  }
};

template <>
inline std::string_view Folds<float>::name(const VectorKernels& kernels) {
  return kernels.name;
}
template <>
inline void Folds<float>::sum(const VectorKernels& kernels, const float* const* rows, size_t count,
                              float* out, size_t n) {
  kernels.fold_sum(rows, count, out, n);
}
template <>
inline void Folds<float>::argmax(const VectorKernels& kernels, const float* const* rows,
                                 const int32_t* first, int32_t step, size_t count, float* out,
                                 int32_t* places, size_t n) {
  kernels.fold_argmax(rows, first, step, count, out, places, n);
}
template <>
inline void Folds<float>::argmax(const VectorKernels& kernels, const float* const* rows,
                                 const int32_t* const* row_places, size_t count, float* out,
                                 int32_t* places, size_t n) {
  kernels.fold_argmax_placed(rows, row_places, count, out, places, n);
}

}  // namespace smelt::program
