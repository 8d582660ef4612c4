// Reductions over windows of channel vectors (pooling, means over outer axes), and bilinear
// sampling.
#pragma once

#include "kernels/vector/binary.inl"

namespace smelt {
namespace {

/// kCount neighbouring vectors of channels, reduced together: one pass over the window reads whole
/// cache lines.
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
HWY_INLINE void reduce_window(const Window& w, void* out, size_t channels, Acc start,
                              Combine combine, Finish finish) {
  auto* dst = static_cast<typename Io::T*>(out);
  for_each_group(channels, [&](auto group) SMELT_BODY {
    constexpr size_t kCount = decltype(group)::kCount;
    Acc acc[kCount];
    for (size_t j = 0; j < kCount; ++j) acc[j] = start;
    for (size_t y = 0; y < w.ny; ++y) {
      for (size_t x = 0; x < w.nx; ++x) {
        const auto* p = element<typename Io::T>(w, y, x);
        for (size_t j = 0; j < kCount; ++j)
          acc[j] = combine(acc[j], group.at(Io(), j).load(Io(), p));
      }
    }
    for (size_t j = 0; j < kCount; ++j) group.at(Io(), j).store(Io(), finish(acc[j]), dst);
  });
}

template <class Io>
void window_max(const Window& w, void* out, size_t channels) {
  reduce_window<Io>(
      w, out, channels, set(-__builtin_inff()), [](V a, V b) SMELT_BODY { return max_nan(a, b); },
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
  for (; c + hn::Lanes(d16) <= channels; c += hn::Lanes(d16))
    window_max_byte_at<Io>(d16, w, dst, c);
  // The last channels of many together with some that are done.
  if (c < channels && channels >= hn::Lanes(d16)) {
    window_max_byte_at<Io>(d16, w, dst, channels - hn::Lanes(d16));
    return;
  }
  for (; c < channels; ++c) window_max_byte_at<Io>(d1, w, dst, c);
}

template <class Io>
void window_argmax(const Window& w, void* out, int32_t* index, size_t channels,
                   size_t index_stride_y) {
  auto* dst = static_cast<typename Io::T*>(out);
  for_each_vector(channels, [&](auto at) SMELT_BODY {
    V best = set(-__builtin_inff());
    VI where = hn::Zero(DI());
    for (size_t y = 0; y < w.ny; ++y) {
      for (size_t x = 0; x < w.nx; ++x) {
        const V value = at.load(Io(), element<typename Io::T>(w, y, x));
        // Larger, or the first NaN.
        const auto take =
            hn::And(hn::Or(hn::Gt(value, best), hn::IsNaN(value)), hn::Eq(best, best));
        best = hn::IfThenElse(take, value, best);
        where = hn::IfThenElse(hn::RebindMask(DI(), take),
                               hn::Set(DI(), int32_t(y * index_stride_y + x)), where);
      }
    }
    at.store(Io(), best, dst);
    at.store(S32(), where, index);
  });
}

template <class Io>
void window_sum(const Window& w, void* out, size_t channels, float scale, const FloatRange& range) {
  const V s = set(scale), lo = set(range.min), hi = set(range.max);
  reduce_window<Io>(
      w, out, channels, set(0), [](V a, V b) SMELT_BODY { return hn::Add(a, b); },
      [=](V a) SMELT_BODY { return clamp(hn::Mul(a, s), lo, hi); });
}

template <class Io>
void window_sum_byte(const Window& w, void* out, size_t channels, int32_t in_zero,
                     const QuantizeParams& params) {
  const Quantizer q(params);
  const VI zero = hn::Set(DI(), in_zero);
  reduce_window<Io>(
      w, out, channels, hn::Zero(DI()),
      [zero](VI a, VI b) SMELT_BODY { return hn::Add(a, hn::Sub(b, zero)); },
      [q](VI a) SMELT_BODY { return q(hn::ConvertTo(D(), a)); });
}

template <class Lanes>
HWY_INLINE Lanes interpolate(Lanes a, Lanes b, Lanes weight) {
  return hn::MulAdd(hn::Sub(b, a), weight, a);
}

template <class T>
HWY_INLINE const T* at_bytes(const void* p, size_t bytes) {
  return reinterpret_cast<const T*>(static_cast<const char*>(p) + bytes);
}

template <class Io, class ToReal, class FromReal>
HWY_INLINE void sample_line(const BilinearLine& line, void* out, ToReal real, FromReal stored) {
  using T = typename Io::T;
  auto* dst = static_cast<T*>(out);
  const V bottom = set(line.weight);
  for (size_t i = 0; i < line.count; ++i, dst += line.channels) {
    const Between& x = line.pixels[i];
    const V right = set(x.weight);
    const auto row = [&](const void* p, auto at) SMELT_BODY {
      return interpolate(real(at.load(Io(), at_bytes<T>(p, x.left))),
                         real(at.load(Io(), at_bytes<T>(p, x.right))), right);
    };
    for_each_vector(line.channels, [&](auto at) SMELT_BODY {
      at.store(Io(), stored(interpolate(row(line.top, at), row(line.bottom, at), bottom)), dst);
    });
  }
}

/// Channels from c on of pixel i, as many as d has lanes.
template <class DS>
HWY_INLINE void sample_lanes(DS d, const BilinearLine& line, size_t i, size_t c, float* out) {
  const Between& x = line.pixels[i];
  const auto right = hn::Set(d, x.weight);
  const auto row = [&](const void* p) SMELT_BODY {
    return interpolate(hn::LoadU(d, at_bytes<float>(p, x.left) + c),
                       hn::LoadU(d, at_bytes<float>(p, x.right) + c), right);
  };
  hn::StoreU(interpolate(row(line.top), row(line.bottom), hn::Set(d, line.weight)), d,
             out + i * line.channels + c);
}

/// Pixels of up to four channels: four lanes, of which the next pixel overwrites what is too much,
/// where there is a next one in the output and to the right of both inputs.
HWY_INLINE void sample_short_pixels(const BilinearLine& line, float* out) {
  const hn::CappedTag<float, 4> d4;
  const hn::CappedTag<float, 1> d1;
  for (size_t i = 0; i < line.count; ++i) {
    const Between& x = line.pixels[i];
    const size_t last = (x.left > x.right ? x.left : x.right) + 4 * sizeof(float);
    if (last <= line.in_bytes && (i + 4) * line.channels <= line.count * line.channels) {
      for (size_t c = 0; c < line.channels; c += hn::Lanes(d4)) sample_lanes(d4, line, i, c, out);
    } else {
      for (size_t c = 0; c < line.channels; ++c) sample_lanes(d1, line, i, c, out);
    }
  }
}

template <class Io>
void bilinear(const BilinearLine& line, void* out) {
  if constexpr (sizeof(typename Io::T) == sizeof(float))
    if (line.channels <= 4) return sample_short_pixels(line, static_cast<float*>(out));
  sample_line<Io>(line, out, [](V x) SMELT_BODY { return x; }, [](V x) SMELT_BODY { return x; });
}

template <class Io>
void bilinear_byte(const BilinearLine& line, void* out) {
  sample_line<Io>(
      line, out, [](VI x) SMELT_BODY { return hn::ConvertTo(D(), x); },
      [](V x) SMELT_BODY { return hn::NearestInt(x); });
}

}  // namespace
}  // namespace smelt
