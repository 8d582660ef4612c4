// Rows of numbers folded into one, element by element: pooling, first over the rows of a window and
// then over its columns.
#pragma once

#include "kernels/vector/lanes.inl"

namespace smelt {
namespace {

/// Like for_each_vector, but the last vector of several overlaps the one before it: nothing is
/// lost if the output is no input.
template <class F>
HWY_INLINE void for_each_overlapping(size_t n, F body) {
  if (n < kLanes) return body(Rest{0, n});
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(Whole{i});
  if (i < n) body(Whole{n - kLanes});
}

inline void fold_sum(const float* const* rows, size_t count, float* out, size_t n) {
  for_each_overlapping(n, [=](auto at) SMELT_BODY {
    V sum = at.load(F32(), rows[0]);
    for (size_t r = 1; r < count; ++r) sum = hn::Add(sum, at.load(F32(), rows[r]));
    at.store(F32(), sum, out);
  });
}

inline void fold_argmax(const float* const* rows, const int32_t* first, int32_t step, size_t count,
                        float* out, int32_t* places, size_t n) {
  for_each_overlapping(n, [=](auto at) SMELT_BODY {
    V best = at.load(F32(), rows[0]);
    VI from = hn::Set(DI(), first[0]);
    for (size_t r = 1; r < count; ++r) {
      const V v = at.load(F32(), rows[r]);
      const auto take = hn::Or(hn::Gt(v, best), hn::IsNaN(v));
      best = hn::IfThenElse(take, v, best);
      from = hn::IfThenElse(hn::RebindMask(DI(), take), hn::Set(DI(), first[r]), from);
    }
    at.store(F32(), best, out);
    at.store(S32(), hn::Add(from, hn::Mul(hn::Iota(DI(), int32_t(at.i)), hn::Set(DI(), step))),
             places);
  });
}

inline void fold_argmax_placed(const float* const* rows, const int32_t* const* row_places,
                               size_t count, float* out, int32_t* places, size_t n) {
  for_each_overlapping(n, [=](auto at) SMELT_BODY {
    V best = at.load(F32(), rows[0]);
    VI where = at.load(S32(), row_places[0]);
    for (size_t r = 1; r < count; ++r) {
      const V v = at.load(F32(), rows[r]);
      const VI p = at.load(S32(), row_places[r]);
      const auto earlier = hn::RebindMask(D(), hn::Lt(p, where));
      const auto both_nan = hn::And(hn::IsNaN(v), hn::IsNaN(best));
      const auto larger = hn::Or(hn::Gt(v, best), hn::AndNot(both_nan, hn::IsNaN(v)));
      const auto take =
          hn::Or(larger, hn::Or(hn::And(hn::Eq(v, best), earlier), hn::AndNot(earlier, both_nan)));
      best = hn::IfThenElse(take, v, best);
      where = hn::IfThenElse(hn::RebindMask(DI(), take), p, where);
    }
    at.store(F32(), best, out);
    at.store(S32(), where, places);
  });
}

}  // namespace
}  // namespace smelt
