// Perfect shuffles in the vectors of 16 bytes that every machine has.
#pragma once

#include <cstddef>
#include <utility>

namespace smelt {

template <class Unit>
using Vector16 [[gnu::vector_size(16)]] = Unit;

/// a0 b0 a1 b1 … of the lower halves (kUpper = 0), or of the upper ones (1).
template <size_t kUpper, class V, size_t... kI>
V zip(V a, V b, std::index_sequence<kI...>) {
  return __builtin_shufflevector(
      a, b, (kI % 2 * sizeof...(kI) + kUpper * (sizeof...(kI) / 2) + kI / 2)...);
}

/// kCount vectors, a power of two, side by side: what comes out, in order, is the first elements of
/// all of them, the second ones, and so on. As many perfect shuffles as the count has bits. As many
/// vectors as they have elements are transposed by that.
template <class Unit, size_t kCount>
void zip_all(Vector16<Unit> (&v)[kCount]) {
  using Lanes = std::make_index_sequence<16 / sizeof(Unit)>;
#pragma clang loop unroll(full)
  for (size_t step = 1; step < kCount; step *= 2) {
    Vector16<Unit> w[kCount];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < kCount / 2; ++i) {
      w[2 * i] = zip<0>(v[i], v[i + kCount / 2], Lanes());
      w[2 * i + 1] = zip<1>(v[i], v[i + kCount / 2], Lanes());
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < kCount; ++i) v[i] = w[i];
  }
}

}  // namespace smelt
