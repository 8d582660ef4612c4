// Pooling over one, two or three dimensions, with windows that slide or that divide the input.
#include <algorithm>

#include "program/operators/window.h"

namespace smelt::program {
namespace {

constexpr size_t kDims = 3;  ///< fewer are three with extents of 1

/// The elements that one position of a window covers along a dimension, and how many it would cover
/// with the padding.
struct Span {
  int64_t begin, end, step, padded;
  int64_t count() const { return begin < end ? div_up(end - begin, step) : 0; }
};

/// What is pooled to what: spans for each position along each dimension.
struct Volume {
  size_t count = 1;  ///< volumes: batch × channels
  int64_t in[kDims] = {1, 1, 1}, out[kDims] = {1, 1, 1};
  Span* spans[kDims];
  Shape shape;  ///< of the result

  size_t in_size() const { return size_t(in[0] * in[1] * in[2]); }
  size_t out_size() const { return size_t(out[0] * out[1] * out[2]); }
};

/// f(extent, which of `dims`) gives the window of a dimension; span(window, position) what it
/// covers.
template <class F, class G>
Result<Volume> volume_of(Call& call, const Tensor& self, size_t dims, F window, G span) {
  if (self.rank() != dims + 1 && self.rank() != dims + 2) {
    return invalid("pooling of {} over {} dimensions", to_string(self.shape), dims);
  }
  Volume v;
  v.count = self.shape.numel(0, self.rank() - dims);
  v.shape = self.shape;
  for (size_t k = 0; k < kDims; ++k) {
    Window w;
    const size_t i = k - (kDims - dims), d = self.rank() - kDims + k;
    if (k >= kDims - dims) {
      w.in = self.shape[d];
      if (w.in == 0) return invalid("pooling of {}", to_string(self.shape));
      SMELT_TRY(window(w, i));
      v.shape[d] = w.out;
    }
    v.in[k] = w.in;
    v.out[k] = w.out;
    SMELT_ASSIGN(v.spans[k], call.scratch().take<Span>(size_t(w.out)));
    for (int64_t p = 0; p < w.out; ++p) v.spans[k][p] = span(w, p);
  }
  if (!checked_numel(v.shape)) return invalid("an impossible shape {}", to_string(v.shape));
  return v;
}

/// Windows that slide: arguments (self, kernel, stride, padding, …).
Result<Volume> sliding(Call& call, size_t dims, std::span<const int64_t> dilation, bool ceil_mode) {
  const auto kernel = call.ints(1), stride = call.ints(2), padding = call.ints(3);
  const auto window = [&](Window& w, size_t i) {
    return slide(w, i, dims, kernel, stride, padding, dilation, ceil_mode);
  };
  return volume_of(call, call.tensor(0), dims, window, [](const Window& w, int64_t p) {
    const int64_t first = w.in_at(p, 0), behind = w.in_at(p, w.kernel - 1) + 1;
    const int64_t skipped = first < 0 ? div_up(-first, w.dilation) : 0;
    return Span{first + skipped * w.dilation, std::min(behind, w.in), w.dilation,
                std::min(first + w.kernel, w.in + w.padding) - first};
  });
}

/// Windows that divide the input: arguments (self, sizes, …).
Result<Volume> dividing(Call& call, size_t dims) {
  const auto sizes = call.ints(1);
  const auto window = [&](Window& w, size_t i) -> Status {
    if (sizes.size() != dims || sizes[i] < 0 || sizes[i] > INT32_MAX) {
      return invalid("pooling to {} sizes", sizes.size());
    }
    w.out = sizes[i];
    return {};
  };
  // Cell p of n covers [floor(p·in / n), ceil((p + 1)·in / n)).
  return volume_of(call, call.tensor(0), dims, window, [](const Window& w, int64_t p) {
    const int64_t begin = p * w.in / w.out, end = div_up((p + 1) * w.in, w.out);
    return Span{begin, end, 1, end - begin};
  });
}

/// Calls f(elements of the volume, spans, place of the result) for every result, volumes on all
/// workers.
template <class F>
void for_each_window(Call& call, const Volume& v, F f) {
  call.pool().parallel_for(v.count, 1, [&](size_t begin, size_t end, unsigned) {
    for (size_t i = begin; i < end; ++i) {
      size_t at = i * v.out_size();
      Span s[kDims];
      for (int64_t z = 0; z < v.out[0]; ++z) {
        s[0] = v.spans[0][z];
        for (int64_t y = 0; y < v.out[1]; ++y) {
          s[1] = v.spans[1][y];
          for (int64_t x = 0; x < v.out[2]; ++x) {
            s[2] = v.spans[2][x];
            f(i * v.in_size(), s, at++);
          }
        }
      }
    }
  });
}

/// Calls f(offset in the volume) for all elements of a window, in order.
template <class F>
void for_each_element(const Volume& v, const Span (&s)[kDims], F f) {
  for (int64_t z = s[0].begin; z < s[0].end; z += s[0].step) {
    for (int64_t y = s[1].begin; y < s[1].end; y += s[1].step) {
      const int64_t row = (z * v.in[1] + y) * v.in[2];
      for (int64_t x = s[2].begin; x < s[2].end; x += s[2].step) f(row + x);
    }
  }
}

/// divisor: 0, or what sums are divided by. Else they are divided by the number of elements, with
/// those of the padding or without.
Status average(Call& call, const Volume& v, int64_t divisor, bool with_padding, Tensor& out) {
  const Tensor& self = call.tensor(0);
  SMELT_TRY(out.resize(v.shape));
  return with_compute(compute_of(self.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, self));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    for_each_window(call, v, [&](size_t first, const Span(&s)[kDims], size_t at) {
      C sum = 0;
      for_each_element(v, s, [&](int64_t k) { sum = add(sum, x[first + size_t(k)]); });
      const int64_t inside = s[0].count() * s[1].count() * s[2].count();
      const int64_t n = divisor != 0   ? divisor
                        : with_padding ? s[0].padded * s[1].padded * s[2].padded
                                       : inside;
      y[at] = inside == 0 ? C(0) : sum / C(n);
    });
    store(out, y);
    return {};
  });
}

/// The largest element of each window, and where in its volume that is. NaN wins, the last one.
Status largest(Call& call, const Volume& v, Tensor& out, Tensor& indices) {
  const Tensor& self = call.tensor(0);
  if (indices.dtype != DType::kS64 || out.dtype != self.dtype) {
    return invalid("the largest of {} as {} with indices of {}", smelt::name(self.dtype),
                   smelt::name(out.dtype), smelt::name(indices.dtype));
  }
  SMELT_TRY(out.resize(v.shape));
  SMELT_TRY(indices.resize(v.shape));
  return with_compute(compute_of(self.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, self));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    for_each_window(call, v, [&](size_t first, const Span(&s)[kDims], size_t at) {
      const C* volume = x + first;
      int64_t best = -1;
      for_each_element(v, s, [&](int64_t k) {
        if (best < 0 || volume[k] > volume[best] || volume[k] != volume[k]) best = k;
      });
      y[at] = best < 0 ? C(0) : volume[best];
      indices.as<int64_t>()[at] = std::max<int64_t>(best, 0);
    });
    store(out, y);
    return {};
  });
}

/// (self, kernel, stride, padding, ceil_mode, count_include_pad[, divisor?], out)
template <size_t Dims, bool HasDivisor>
Status avg_pool(Call& call) {
  SMELT_ASSIGN(const Volume v, sliding(call, Dims, {}, call.boolean(4)));
  const bool given = HasDivisor && call.has(6);
  const int64_t divisor = given ? call.integer(6) : 0;
  if (given && divisor == 0) return invalid("a divisor of 0");
  return average(call, v, divisor, call.boolean(5), call.tensor(HasDivisor ? 7 : 6));
}

/// (self, kernel, stride, padding, dilation, ceil_mode, out, indices)
Status max_pool3d(Call& call) {
  SMELT_ASSIGN(const Volume v, sliding(call, 3, call.ints(4), call.boolean(5)));
  return largest(call, v, call.tensor(6), call.tensor(7));
}

/// (self, sizes, out)
template <size_t Dims>
Status adaptive_avg_pool(Call& call) {
  SMELT_ASSIGN(const Volume v, dividing(call, Dims));
  return average(call, v, 0, false, call.tensor(2));
}

/// (self, sizes, out, indices)
template <size_t Dims>
Status adaptive_max_pool(Call& call) {
  SMELT_ASSIGN(const Volume v, dividing(call, Dims));
  return largest(call, v, call.tensor(2), call.tensor(3));
}

constexpr Operator kOperators[] = {
    {"aten::_adaptive_avg_pool3d.out", "TLW", adaptive_avg_pool<3>},
    {"aten::adaptive_avg_pool1d.out", "TLW", adaptive_avg_pool<1>},
    {"aten::adaptive_avg_pool2d.out", "TLW", adaptive_avg_pool<2>},
    {"aten::adaptive_avg_pool3d.out", "TLW", adaptive_avg_pool<3>},
    {"aten::adaptive_max_pool2d.out", "TLWW", adaptive_max_pool<2>},
    {"aten::adaptive_max_pool3d.out", "TLWW", adaptive_max_pool<3>},
    {"aten::avg_pool1d.out", "TLLLBBW", avg_pool<1, false>},
    {"aten::avg_pool3d.out", "TLLLBBiW", avg_pool<3, true>},
    {"aten::max_pool3d_with_indices.out", "TLLLLBWW", max_pool3d},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> volume_pool_operators() { return kTable; }

}  // namespace smelt::program
