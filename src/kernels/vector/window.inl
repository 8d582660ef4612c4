// Reductions over windows of channel vectors (pooling, means over outer axes), and bilinear sampling.
#pragma once

#include "kernels/vector/binary.inl"

namespace smelt {
namespace {

/// kCount neighbouring vectors of channels, reduced together: one pass over the window reads whole cache lines.
template <size_t kVectors>
struct Group {
  static constexpr size_t kCount = kVectors;
  size_t i;
  template <class Io>
  HWY_INLINE Whole at(Io, size_t j) const {
    return Whole{i + j * kLanes};
  }
};

struct RestGroup {
  static constexpr size_t kCount = 1;
  size_t i, n;
  template <class Io>
  HWY_INLINE Rest at(Io, size_t) const {
    return Rest{i, n};
  }
};

template <class F>
HWY_INLINE void for_each_group(size_t n, F body) {
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) body(Group<4>{i});
  for (; i + kLanes <= n; i += kLanes) body(Group<1>{i});
  if (i < n) body(RestGroup{i, n - i});
}

template <class T>
HWY_INLINE const T* element(const Window& w, size_t y, size_t x) {
  return reinterpret_cast<const T*>(static_cast<const char*>(w.first) + ptrdiff_t(y) * w.stride_y +
                                    ptrdiff_t(x) * w.stride_x);
}

/// out = finish(combine(... combine(start, element) ...)) per channel.
template <class Io, class Acc, class Combine, class Finish>
HWY_INLINE void reduce_window(const Window& w, void* out, size_t channels, Acc start, Combine combine, Finish finish) {
  auto* dst = static_cast<typename Io::T*>(out);
  for_each_group(channels, [&](auto group) SMELT_BODY {
    constexpr size_t kCount = decltype(group)::kCount;
    Acc acc[kCount];
    for (size_t j = 0; j < kCount; ++j) acc[j] = start;
    for (size_t y = 0; y < w.ny; ++y) {
      for (size_t x = 0; x < w.nx; ++x) {
        const auto* p = element<typename Io::T>(w, y, x);
        for (size_t j = 0; j < kCount; ++j) acc[j] = combine(acc[j], group.at(Io(), j).load(Io(), p));
      }
    }
    for (size_t j = 0; j < kCount; ++j) group.at(Io(), j).store(Io(), finish(acc[j]), dst);
  });
}

template <class Io>
void window_max(const Window& w, void* out, size_t channels) {
  reduce_window<Io>(w, out, channels, set(-__builtin_inff()), [](V a, V b) SMELT_BODY { return max_nan(a, b); },
                    [](V a) SMELT_BODY { return a; });
}

/// Channels [c, c + lanes of d).
template <class Io, class DB>
HWY_INLINE void window_max_byte_at(DB d, const Window& w, typename Io::T* dst, size_t c) {
  using T = typename Io::T;
  auto best = hn::Set(d, T(Io::kLowest));
  for (size_t y = 0; y < w.ny; ++y) {
    for (size_t x = 0; x < w.nx; ++x) best = hn::Max(best, hn::LoadU(d, element<T>(w, y, x) + c));
  }
  hn::StoreU(best, d, dst + c);
}

template <class Io>
void window_max_byte(const Window& w, void* out, size_t channels) {
  using T = typename Io::T;
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 16> d16;
  const hn::CappedTag<T, 1> d1;
  auto* dst = static_cast<T*>(out);
  size_t c = 0;
  for (; c + hn::Lanes(d) <= channels; c += hn::Lanes(d)) window_max_byte_at<Io>(d, w, dst, c);
  for (; c + hn::Lanes(d16) <= channels; c += hn::Lanes(d16)) window_max_byte_at<Io>(d16, w, dst, c);
  // The last channels of many together with some that are done.
  if (c < channels && channels >= hn::Lanes(d16)) {
    window_max_byte_at<Io>(d16, w, dst, channels - hn::Lanes(d16));
    return;
  }
  for (; c < channels; ++c) window_max_byte_at<Io>(d1, w, dst, c);
}

template <class Io>
void window_argmax(const Window& w, void* out, int32_t* index, size_t channels, size_t index_stride_y) {
  auto* dst = static_cast<typename Io::T*>(out);
  for_each_vector(channels, [&](auto at) SMELT_BODY {
    V best = set(-__builtin_inff());
    VI where = hn::Zero(DI());
    for (size_t y = 0; y < w.ny; ++y) {
      for (size_t x = 0; x < w.nx; ++x) {
        const V value = at.load(Io(), element<typename Io::T>(w, y, x));
        // Larger, or the first NaN.
        const auto take = hn::And(hn::Or(hn::Gt(value, best), hn::IsNaN(value)), hn::Eq(best, best));
        best = hn::IfThenElse(take, value, best);
        where = hn::IfThenElse(hn::RebindMask(DI(), take), hn::Set(DI(), int32_t(y * index_stride_y + x)), where);
      }
    }
    at.store(Io(), best, dst);
    at.store(S32(), where, index);
  });
}

template <class Io>
void window_sum(const Window& w, void* out, size_t channels, float scale, const FloatRange& range) {
  const V s = set(scale), lo = set(range.min), hi = set(range.max);
  reduce_window<Io>(w, out, channels, set(0), [](V a, V b) SMELT_BODY { return hn::Add(a, b); },
                    [=](V a) SMELT_BODY { return clamp(hn::Mul(a, s), lo, hi); });
}

template <class Io>
void window_sum_byte(const Window& w, void* out, size_t channels, int32_t in_zero, const QuantizeParams& params) {
  const Quantizer q(params);
  const VI zero = hn::Set(DI(), in_zero);
  reduce_window<Io>(w, out, channels, hn::Zero(DI()),
                    [zero](VI a, VI b) SMELT_BODY { return hn::Add(a, hn::Sub(b, zero)); },
                    [q](VI a) SMELT_BODY { return q(hn::ConvertTo(D(), a)); });
}

HWY_INLINE V interpolate(V a, V b, V weight) { return hn::MulAdd(hn::Sub(b, a), weight, a); }

template <class Io, class ToReal, class FromReal>
HWY_INLINE void sample(const Corners& corners, void* out, size_t channels, ToReal real, FromReal stored) {
  using T = typename Io::T;
  const auto* tl = static_cast<const T*>(corners.top_left);
  const auto* tr = static_cast<const T*>(corners.top_right);
  const auto* bl = static_cast<const T*>(corners.bottom_left);
  const auto* br = static_cast<const T*>(corners.bottom_right);
  auto* dst = static_cast<T*>(out);
  const V right = set(corners.right), bottom = set(corners.bottom);
  for_each_vector(channels, [&](auto at) SMELT_BODY {
    const V top_row = interpolate(real(at.load(Io(), tl)), real(at.load(Io(), tr)), right);
    const V bottom_row = interpolate(real(at.load(Io(), bl)), real(at.load(Io(), br)), right);
    at.store(Io(), stored(interpolate(top_row, bottom_row, bottom)), dst);
  });
}

template <class Io>
void bilinear(const Corners& corners, void* out, size_t channels) {
  sample<Io>(corners, out, channels, [](V x) SMELT_BODY { return x; }, [](V x) SMELT_BODY { return x; });
}

template <class Io>
void bilinear_byte(const Corners& corners, void* out, size_t channels) {
  sample<Io>(corners, out, channels, [](VI x) SMELT_BODY { return hn::ConvertTo(D(), x); },
             [](V x) SMELT_BODY { return hn::NearestInt(x); });
}

}  // namespace
}  // namespace smelt
