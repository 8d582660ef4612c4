// Reductions of a row, and what is made of them: softmax, normalisation, dot products.
#pragma once

#include "kernels/vector/binary.inl"

namespace smelt {
namespace {

HWY_INLINE float sum_of(V v) { return hn::GetLane(hn::SumOfLanes(D(), v)); }

/// Sum of f(at) over a row, `at` being a vector's place in it. Four partial sums: the additions
/// overlap, and the rounding error grows more slowly.
template <class F>
HWY_INLINE float sum_over(size_t n, F f) {
  V sum[4] = {set(0), set(0), set(0), set(0)};
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    for (size_t j = 0; j < 4; ++j) sum[j] = hn::Add(sum[j], f(Whole{i + j * kLanes}));
  }
  for (; i + kLanes <= n; i += kLanes) sum[0] = hn::Add(sum[0], f(Whole{i}));
  if (i < n) {
    const Rest rest{i, n - i};
    sum[1] = hn::Add(sum[1], rest.keep(f(rest)));
  }
  return sum_of(hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3])));
}

template <class Io>
float row_sum(const void* in, size_t n) {
  const auto* p = static_cast<const typename Io::T*>(in);
  return sum_over(n, [p](auto at) SMELT_BODY { return at.load(Io(), p); });
}

/// Folds a row with f, for which f(a, a) = a; n >= 1.
template <class Io, class F>
HWY_INLINE V fold(const typename Io::T* p, size_t n, F f) {
  V best = load_one<Io>(p);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) best = f(best, Io::load(p + i));
  if (i < n) {
    const V last = load_some<Io>(p + i, n - i);
    best = f(best, hn::IfThenElse(hn::FirstN(D(), n - i), last, best));
  }
  return best;
}

HWY_INLINE bool any_nan(V v) { return !hn::AllFalse(D(), hn::IsNaN(v)); }

template <class Io>
float row_max(const void* in, size_t n) {
  const V best = fold<Io>(static_cast<const typename Io::T*>(in), n,
                          [](V a, V b) SMELT_BODY { return max_nan(a, b); });
  return any_nan(best) ? __builtin_nanf("") : hn::GetLane(hn::MaxOfLanes(D(), best));
}

template <class Io>
float row_min(const void* in, size_t n) {
  const V best = fold<Io>(static_cast<const typename Io::T*>(in), n,
                          [](V a, V b) SMELT_BODY { return min_nan(a, b); });
  return any_nan(best) ? __builtin_nanf("") : hn::GetLane(hn::MinOfLanes(D(), best));
}

template <class Io>
Moments row_moments(const void* in, size_t n) {
  const auto* p = static_cast<const typename Io::T*>(in);
  if (n == 0) return {0, 0};
  const float mean = row_sum<Io>(in, n) / float(n);
  const V m = set(mean);
  // Deviations from the mean: the difference of mean square and squared mean would cancel.
  const float squares = sum_over(n, [p, m](auto at) SMELT_BODY {
    const V e = hn::Sub(at.load(Io(), p), m);
    return hn::Mul(e, e);
  });
  return {mean, squares / float(n)};
}

template <class Io>
void row_normalize(const void* in, void* out, size_t n, float mean, float scale, const void* weight,
                   const void* bias) {
  using T = typename Io::T;
  const auto* src = static_cast<const T*>(in);
  auto* dst = static_cast<T*>(out);
  const auto* w = static_cast<const T*>(weight);
  const auto* b = static_cast<const T*>(bias);
  const V m = set(mean), s = set(scale);
  for_each_vector(n, [&](auto at) SMELT_BODY {
    V x = hn::Mul(hn::Sub(at.load(Io(), src), m), s);
    if (w != nullptr) x = hn::Mul(x, at.load(Io(), w));
    if (b != nullptr) x = hn::Add(x, at.load(Io(), b));
    at.store(Io(), x, dst);
  });
}

/// The longest row of a half type whose numerators are kept, on the stack; those of a longer one are
/// computed twice.
constexpr size_t kKeptNumerators = 2048;

template <class Io>
void row_softmax(const void* in, void* out, size_t n) {
  const auto* src = static_cast<const typename Io::T*>(in);
  auto* dst = static_cast<typename Io::T*>(out);
  const V max = set(row_max<Io>(in, n));
  const auto numerator = [&](auto at) SMELT_BODY { return exp(hn::Sub(at.load(Io(), src), max)); };
  const auto keeping = [&](float* kept) SMELT_BODY {
    const float sum = sum_over(n, [&](auto at) SMELT_BODY {
      const V e = numerator(at);
      at.store(F32(), e, kept);
      return e;
    });
    const V scale = set(1.0f / sum);
    for_each_vector(
        n, [&](auto at) SMELT_BODY { at.store(Io(), hn::Mul(at.load(F32(), kept), scale), dst); });
  };
  if constexpr (sizeof(typename Io::T) == sizeof(float)) {
    keeping(dst);
  } else if (n <= kKeptNumerators) {
    float kept[kKeptNumerators];
    keeping(kept);
  } else {
    const V scale = set(1.0f / sum_over(n, numerator));
    for_each_vector(
        n, [&](auto at) SMELT_BODY { at.store(Io(), hn::Mul(numerator(at), scale), dst); });
  }
}

template <class Io>
void row_log_softmax(const void* in, void* out, size_t n) {
  const auto* src = static_cast<const typename Io::T*>(in);
  auto* dst = static_cast<typename Io::T*>(out);
  const V max = set(row_max<Io>(in, n));
  const float sum =
      sum_over(n, [&](auto at) SMELT_BODY { return exp(hn::Sub(at.load(Io(), src), max)); });
  const V log_sum = log(set(sum));
  for_each_vector(n, [&](auto at) SMELT_BODY {
    at.store(Io(), hn::Sub(hn::Sub(at.load(Io(), src), max), log_sum), dst);
  });
}

template <class Io>
float dot(const float* lhs, const void* rhs, size_t n) {
  const auto* b = static_cast<const typename Io::T*>(rhs);
  return sum_over(
      n, [&](auto at) SMELT_BODY { return hn::Mul(at.load(F32(), lhs), at.load(Io(), b)); });
}

template <class Io>
void axpy(float a, const void* x, float* y, size_t n) {
  const auto* src = static_cast<const typename Io::T*>(x);
  const V factor = set(a);
  for_each_vector(n, [&](auto at) SMELT_BODY {
    at.store(F32(), hn::MulAdd(factor, at.load(Io(), src), at.load(F32(), y)), y);
  });
}

/// kVecs vectors of columns, which stay in registers.
template <size_t kVecs, class Load>
HWY_INLINE void row_product_columns(const float* lhs, const float* rhs, float* out, size_t k, size_t n, Load load) {
  V sum[kVecs];
  for (size_t v = 0; v < kVecs; ++v) sum[v] = set(0);
  for (size_t i = 0; i < k; ++i) {
    const V a = set(lhs[i]);
    for (size_t v = 0; v < kVecs; ++v) sum[v] = hn::MulAdd(a, load(rhs + i * n + v * kLanes), sum[v]);
  }
  for (size_t v = 0; v < kVecs; ++v) F32::store(sum[v], out + v * kLanes);
}

inline void row_product(const float* lhs, const float* rhs, float* out, size_t k, size_t n) {
  const auto whole = [](const float* p) SMELT_BODY { return F32::load(p); };
  size_t j = 0;
  for (; j + 4 * kLanes <= n; j += 4 * kLanes) row_product_columns<4>(lhs, rhs + j, out + j, k, n, whole);
  if (j + 2 * kLanes <= n) {
    row_product_columns<2>(lhs, rhs + j, out + j, k, n, whole);
    j += 2 * kLanes;
  }
  if (j + kLanes <= n) {
    row_product_columns<1>(lhs, rhs + j, out + j, k, n, whole);
    j += kLanes;
  }
  if (j == n) return;
  float last[kLanes];
  row_product_columns<1>(lhs, rhs + j, last, k, n,
                         [rest = n - j](const float* p) SMELT_BODY { return load_some<F32>(p, rest); });
  __builtin_memcpy(out + j, last, (n - j) * sizeof(float));
}

}  // namespace
}  // namespace smelt
