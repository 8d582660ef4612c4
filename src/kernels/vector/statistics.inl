// Sums of deviations along rows; sums and extremes down columns.
#pragma once

#include "kernels/vector/reduce.inl"

namespace smelt {
namespace {

template <class Io>
Deviations row_deviations(const void* in, size_t n, float centre) {
  const auto* p = static_cast<const typename Io::T*>(in);
  const V c = set(centre);
  V sum[2] = {set(0), set(0)}, squares[2] = {set(0), set(0)};
  const auto take = [&](V x, size_t j) SMELT_BODY {
    const V d = hn::Sub(x, c);
    sum[j] = hn::Add(sum[j], d);
    squares[j] = hn::MulAdd(d, d, squares[j]);
  };
  size_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    take(Io::load(p + i), 0);
    take(Io::load(p + i + kLanes), 1);
  }
  for (; i + kLanes <= n; i += kLanes) take(Io::load(p + i), 0);
  if (i < n) {
    const Rest rest{i, n - i};
    const V d = rest.keep(hn::Sub(rest.load(Io(), p), c));
    sum[1] = hn::Add(sum[1], d);
    squares[1] = hn::MulAdd(d, d, squares[1]);
  }
  return {sum_of(hn::Add(sum[0], sum[1])), sum_of(hn::Add(squares[0], squares[1]))};
}

template <class T>
HWY_INLINE const T* row_at(const void* in, size_t stride, size_t row) {
  return reinterpret_cast<const T*>(static_cast<const char*>(in) + row * stride);
}

template <class Io>
void column_sums(const void* in, size_t stride, size_t rows, double* sums, size_t n) {
  // So many in float32 before they are added in double.
  constexpr size_t kTogether = 8;
  for (size_t r0 = 0; r0 < rows; r0 += kTogether) {
    const size_t r1 = r0 + kTogether < rows ? r0 + kTogether : rows;
    for_each_vector(n, [&](auto at) SMELT_BODY {
      V sum = at.load(Io(), row_at<typename Io::T>(in, stride, r0));
      for (size_t r = r0 + 1; r < r1; ++r)
        sum = hn::Add(sum, at.load(Io(), row_at<typename Io::T>(in, stride, r)));
      float lanes[kLanes];
      F32::store(sum, lanes);
      const size_t count = at.i + kLanes <= n ? kLanes : n - at.i;
      for (size_t j = 0; j < count; ++j) sums[at.i + j] += double(lanes[j]);
    });
  }
}

template <class Io, class F>
HWY_INLINE void fold_columns(const void* in, size_t stride, size_t rows, void* out, size_t n, F f) {
  using T = typename Io::T;
  auto* dst = static_cast<T*>(out);
  for_each_vector(n, [&](auto at) SMELT_BODY {
    V best = at.load(Io(), row_at<T>(in, stride, 0));
    for (size_t r = 1; r < rows; ++r) best = f(best, at.load(Io(), row_at<T>(in, stride, r)));
    at.store(Io(), best, dst);
  });
}

template <class Io>
void column_max(const void* in, size_t stride, size_t rows, void* out, size_t n) {
  fold_columns<Io>(in, stride, rows, out, n, [](V a, V b) SMELT_BODY { return max_nan(a, b); });
}
template <class Io>
void column_min(const void* in, size_t stride, size_t rows, void* out, size_t n) {
  fold_columns<Io>(in, stride, rows, out, n, [](V a, V b) SMELT_BODY { return min_nan(a, b); });
}

}  // namespace
}  // namespace smelt
