// Convolution over one, two or three dimensions, plain and transposed.
#include <algorithm>

#include "program/operators/window.h"

namespace smelt::program {
namespace {

constexpr size_t kSpatial = 3;

struct Geometry {
  int64_t batch, in_channels, out_channels, groups;
  Window window[kSpatial];  ///< outermost first; missing dimensions have one element

  int64_t in_size() const { return window[0].in * window[1].in * window[2].in; }
  int64_t out_size() const { return window[0].out * window[1].out * window[2].out; }
  int64_t kernel_size() const { return window[0].kernel * window[1].kernel * window[2].kernel; }
};

/// One plane of output positions and one tap of the kernel: calls f(input offset, output offset, count) for rows that
/// lie inside the input. Within a row the input advances by the innermost stride.
template <class F>
void for_each_row_of_tap(const Geometry& g, int64_t kd, int64_t kh, int64_t kw, F f) {
  const Window &d = g.window[0], &h = g.window[1], &w = g.window[2];
  const int64_t begin = w.first(kw), end = w.last(kw);
  if (begin >= end) return;
  for (int64_t z = d.first(kd); z < d.last(kd); ++z) {
    for (int64_t y = h.first(kh); y < h.last(kh); ++y) {
      f((d.in_at(z, kd) * h.in + h.in_at(y, kh)) * w.in + w.in_at(begin, kw),
        (z * h.out + y) * w.out + begin, end - begin);
    }
  }
}

/// All taps of the kernel: f(tap, kd, kh, kw).
template <class F>
void for_each_tap(const Geometry& g, F f) {
  int64_t tap = 0;
  for (int64_t a = 0; a < g.window[0].kernel; ++a) {
    for (int64_t b = 0; b < g.window[1].kernel; ++b) {
      for (int64_t c = 0; c < g.window[2].kernel; ++c) f(tap++, a, b, c);
    }
  }
}

/// weight [out, in / groups, taps].
template <class C>
void convolve(ThreadPool& pool, const Geometry& g, const C* x, const C* weight, const C* bias, C* y) {
  const int64_t in_per_group = g.in_channels / g.groups, out_per_group = g.out_channels / g.groups;
  const int64_t taps = g.kernel_size(), stride = g.window[2].stride;
  pool.parallel_for(size_t(g.batch * g.out_channels), 1, [&](size_t first, size_t last, unsigned) {
    for (size_t i = first; i < last; ++i) {
      const int64_t n = int64_t(i) / g.out_channels, oc = int64_t(i) % g.out_channels;
      C* plane = y + int64_t(i) * g.out_size();
      std::fill_n(plane, g.out_size(), bias ? bias[oc] : C(0));
      for (int64_t c = 0; c < in_per_group; ++c) {
        const int64_t ic = oc / out_per_group * in_per_group + c;
        const C* from = x + (n * g.in_channels + ic) * g.in_size();
        const C* w = weight + (oc * in_per_group + c) * taps;
        for_each_tap(g, [&](int64_t tap, int64_t a, int64_t b, int64_t k) {
          for_each_row_of_tap(g, a, b, k, [&](int64_t in, int64_t out, int64_t count) {
            for (int64_t j = 0; j < count; ++j) {
              plane[out + j] = add(plane[out + j], mul(w[tap], from[in + j * stride]));
            }
          });
        });
      }
    }
  });
}

/// weight [in, out / groups, taps]. The geometry is that of the convolution that this one undoes: its "out" is our input.
template <class C>
void convolve_transposed(ThreadPool& pool, const Geometry& g, const C* x, const C* weight,
                         const C* bias, C* y) {
  const int64_t in_per_group = g.in_channels / g.groups, out_per_group = g.out_channels / g.groups;
  const int64_t taps = g.kernel_size(), stride = g.window[2].stride;
  pool.parallel_for(size_t(g.batch * g.out_channels), 1, [&](size_t first, size_t last, unsigned) {
    for (size_t i = first; i < last; ++i) {
      const int64_t n = int64_t(i) / g.out_channels, oc = int64_t(i) % g.out_channels;
      C* plane = y + int64_t(i) * g.in_size();
      std::fill_n(plane, g.in_size(), bias ? bias[oc] : C(0));
      for (int64_t c = 0; c < in_per_group; ++c) {
        const int64_t ic = oc / out_per_group * in_per_group + c;
        const C* from = x + (n * g.in_channels + ic) * g.out_size();
        const C* w = weight + (ic * out_per_group + oc % out_per_group) * taps;
        for_each_tap(g, [&](int64_t tap, int64_t a, int64_t b, int64_t k) {
          for_each_row_of_tap(g, a, b, k, [&](int64_t to, int64_t at, int64_t count) {
            for (int64_t j = 0; j < count; ++j) {
              C& target = plane[to + j * stride];
              target = add(target, mul(w[tap], from[at + j]));
            }
          });
        });
      }
    }
  });
}

Status convolution(Call& call) {
  const Tensor &input = call.tensor(0), &weight = call.tensor(1);
  const Tensor* bias = call.optional_tensor(2);
  const bool transposed = call.boolean(6);
  const int64_t groups = call.integer(8);
  Tensor& out = call.tensor(9);
  const size_t spatial = weight.rank() < 3 ? 0 : weight.rank() - 2;
  const bool batched = input.rank() == weight.rank();
  const auto misfit = [&] {
    return invalid("input {} and weights {} with {} groups", to_string(input.shape),
                   to_string(weight.shape), groups);
  };
  if (spatial == 0 || spatial > kSpatial || !(batched || input.rank() + 1 == weight.rank()) ||
      groups <= 0 || weight.dtype != input.dtype || out.dtype != input.dtype) {
    return misfit();
  }
  Geometry g;
  const size_t lead = batched ? 1 : 0;
  g.batch = batched ? input.shape[0] : 1;
  g.in_channels = input.shape[lead];
  g.groups = groups;
  g.out_channels = transposed ? weight.shape[1] * groups : weight.shape[0];
  const bool channels_fit =
      transposed ? weight.shape[0] == g.in_channels && g.in_channels % groups == 0
                 : weight.shape[1] * groups == g.in_channels && g.out_channels % groups == 0;
  if (!channels_fit || (bias && !(bias->shape == Shape{g.out_channels}))) return misfit();

  Shape shape;
  if (batched) shape.push_back(g.batch);
  shape.push_back(g.out_channels);
  for (size_t i = 0; i < spatial; ++i) {
    Window& w = g.window[kSpatial - spatial + i];
    w.kernel = weight.shape[2 + i];
    SMELT_ASSIGN(w.stride, window_attribute(call.ints(3), i, spatial, 1, 1, "stride"));
    SMELT_ASSIGN(w.padding, window_attribute(call.ints(4), i, spatial, 0, 0, "padding"));
    SMELT_ASSIGN(w.dilation, window_attribute(call.ints(5), i, spatial, 1, 1, "dilation"));
    SMELT_ASSIGN(const int64_t extra,
                 window_attribute(call.ints(7), i, spatial, 0, 0, "output padding"));
    const int64_t in = input.shape[lead + 1 + i], reach = w.dilation * (w.kernel - 1) + 1;
    const int64_t wide = transposed ? (in - 1) * w.stride - 2 * w.padding + reach + extra
                                    : in + 2 * w.padding - reach;
    const int64_t extent = transposed ? wide : wide < 0 ? 0 : wide / w.stride + 1;
    if (extent <= 0 || w.kernel <= 0 || in <= 0) return misfit();
    shape.push_back(extent);
    // A transposed convolution runs the plain one backwards.
    w.in = transposed ? extent : in;
    w.out = transposed ? in : extent;
  }
  if (!checked_numel(shape)) return misfit();
  SMELT_TRY(out.resize(shape));
  return with_compute(compute_of(out.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, input));
    SMELT_ASSIGN(const C* w, elements<C>(call, weight));
    const C* b = nullptr;
    if (bias != nullptr) {
      SMELT_ASSIGN(b, elements<C>(call, *bias));
    }
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    if (transposed) {
      convolve_transposed(call.pool(), g, x, w, b, y);
    } else {
      convolve(call.pool(), g, x, w, b, y);
    }
    store(out, y);
    return {};
  });
}

constexpr Operator kOperators[] = {
    {"aten::convolution.out", "TTtLLLBLIW", convolution},
};

}  // namespace

std::span<const Operator> convolution_operators() { return kOperators; }

}  // namespace smelt::program
