// Pooling over one, two or three dimensions, with windows that slide or that divide the input.
#include "program/operators/pool_pixels.h"
#include "program/operators/pool_rows.h"

namespace smelt::program {
namespace {

/// divisor: 0, or what sums are divided by. Else they are divided by the number of elements, with
/// those of the padding or without.
Status average(Call& call, const PoolVolume& v, int64_t divisor, bool with_padding, Tensor& out) {
  const Tensor& self = call.tensor(0);
  if (out.dtype != self.dtype)
    return invalid("the average of {} as {}", smelt::name(self.dtype), smelt::name(out.dtype));
  SMELT_TRY(out.resize(v.shape));
  const auto elements_of = [&](const PoolSpan& s) { return with_padding ? s.padded : s.count(); };
  return with_compute(compute_of(self.dtype), [&]<class C>(C) -> Status {
    if (call.decided(Folds<C>::name(call.vectors()))) return {};
    SMELT_ASSIGN(C * columns, call.scratch().take<C>(size_t(v.out[2])));
    for (int64_t j = 0; j < v.out[2]; ++j) columns[j] = C(elements_of(v.spans[2][j]));
    if (!self.row_major || !out.row_major) {
      const auto pixel = [&](const PixelsUnder<C>& under, const int64_t* at, size_t, C* y) {
        if (under.count == 0) return void(std::fill_n(y, under.channels, C(0)));
        Folds<C>::sum(call.vectors(), under.pixels, under.count, y, under.channels);
        int64_t n = 1;
        for (size_t d = 0; d < kPoolDims; ++d) n *= elements_of(v.spans[d][at[d]]);
        for (size_t c = 0; c < under.channels; ++c) y[c] /= C(divisor != 0 ? divisor : n);
      };
      return for_each_pooled_pixel<C>(call, v, self, out, pixel);
    }
    const auto row = [&](PoolRows<C>& rows, const C* x, size_t, int64_t a, int64_t b, C* y) {
      rows.sum(x, a, b, y);
      const C n = C(elements_of(v.spans[0][a]) * elements_of(v.spans[1][b]));
      for (int64_t j = 0; j < v.out[2]; ++j) {
        // Windows without elements have a sum of 0.
        y[j] /= divisor != 0 ? C(divisor) : std::max(n * columns[j], C(1));
      }
    };
    return for_each_pooled_row<C>(call, v, 0, self, out, row);
  });
}

/// The largest element of each window, and where in its volume that is. NaN wins, the last one.
Status largest(Call& call, const PoolVolume& v, Tensor& out, Tensor& indices) {
  const Tensor& self = call.tensor(0);
  if (indices.dtype != DType::kS64 || out.dtype != self.dtype) {
    return invalid("the largest of {} as {} with indices of {}", smelt::name(self.dtype),
                   smelt::name(out.dtype), smelt::name(indices.dtype));
  }
  SMELT_TRY(out.resize(v.shape));
  SMELT_TRY(indices.resize(v.shape));
  return with_compute(compute_of(self.dtype), [&]<class C>(C) -> Status {
    if (call.decided(Folds<C>::name(call.vectors()))) return {};
    if (!self.row_major || !out.row_major || !indices.row_major) {
      const auto pixel = [&](const PixelsUnder<C>& under, const int64_t*, size_t at, C* y) {
        const size_t n = under.channels;
        std::fill_n(under.chosen, n, 0);
        std::fill_n(y, under.count == 0 ? n : 0, C(0));
        if (under.count != 0)
          Folds<C>::argmax(call.vectors(), under.pixels, under.places, 0, under.count, y,
                           under.chosen, n);
        std::copy_n(under.chosen, n, indices.as<int64_t>() + at);
      };
      return for_each_pooled_pixel<C>(call, v, self, out, pixel);
    }
    using Limits = std::numeric_limits<C>;
    constexpr C kLowest = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    const auto row = [&](PoolRows<C>& rows, const C* x, size_t at, int64_t a, int64_t b, C* y) {
      rows.largest(x, a, b, y, indices.as<int64_t>() + at);
    };
    return for_each_pooled_row<C>(call, v, kLowest, self, out, row);
  });
}

/// (self, kernel, stride, padding, ceil_mode, count_include_pad[, divisor?], out)
template <size_t Dims, bool HasDivisor>
Status avg_pool(Call& call) {
  SMELT_ASSIGN(const PoolVolume v, sliding_windows(call, Dims, {}, call.boolean(4)));
  const bool given = HasDivisor && call.has(6);
  const int64_t divisor = given ? call.integer(6) : 0;
  if (given && divisor == 0) return invalid("a divisor of 0");
  return average(call, v, divisor, call.boolean(5), call.tensor(HasDivisor ? 7 : 6));
}

/// (self, kernel, stride, padding, dilation, ceil_mode, out, indices)
template <size_t Dims>
Status max_pool(Call& call) {
  SMELT_ASSIGN(const PoolVolume v, sliding_windows(call, Dims, call.ints(4), call.boolean(5)));
  return largest(call, v, call.tensor(6), call.tensor(7));
}

/// (self, sizes, out)
template <size_t Dims>
Status adaptive_avg_pool(Call& call) {
  SMELT_ASSIGN(const PoolVolume v, dividing_windows(call, call.tensor(0), Dims, call.ints(1)));
  return average(call, v, 0, false, call.tensor(2));
}

/// (self, sizes, out, indices)
template <size_t Dims>
Status adaptive_max_pool(Call& call) {
  SMELT_ASSIGN(const PoolVolume v, dividing_windows(call, call.tensor(0), Dims, call.ints(1)));
  return largest(call, v, call.tensor(2), call.tensor(3));
}

/// (grad_output, self, kernel, stride, padding, dilation, ceil_mode, indices, grad_input)
Status max_pool2d_backward(Call& call) {
  const Tensor &grad = call.tensor(0), &self = call.tensor(1), &indices = call.tensor(7);
  Tensor& out = call.tensor(8);
  if (self.rank() < 2 || !(grad.shape == indices.shape) || indices.dtype != DType::kS64 ||
      grad.rank() != self.rank() ||
      grad.shape.numel(0, grad.rank() - 2) != self.shape.numel(0, self.rank() - 2)) {
    return invalid("gradients {} of {} at {}", to_string(grad.shape), to_string(self.shape),
                   to_string(indices.shape));
  }
  SMELT_TRY(out.resize(self.shape));
  const size_t planes = self.shape.numel(0, self.rank() - 2);
  const size_t size = planes == 0 ? 0 : self.numel() / planes,
               n = planes == 0 ? 0 : grad.numel() / planes;
  return with_compute(compute_of(out.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* dy, elements<C>(call, grad));
    SMELT_ASSIGN(C * dx, result_elements<C>(call, out));
    std::fill_n(dx, out.numel(), C(0));
    for (size_t i = 0; i < planes * n; ++i) {
      SMELT_ASSIGN(const int64_t at, checked_index(indices.as<int64_t>()[i], int64_t(size)));
      C& sum = dx[i / n * size + size_t(at)];
      sum = add(sum, dy[i]);
    }
    store(out, dx);
    return {};
  });
}

/// The gradient of averages: each result's goes to the elements of its window in equal parts. The
/// divisor is average()'s.
Status average_backward(Call& call, const PoolVolume& v, const Tensor& self, int64_t divisor,
                        bool with_padding, Tensor& out) {
  const Tensor& grad = call.tensor(0);
  if (!(grad.shape == v.shape) || grad.dtype != out.dtype || !is_float(out.dtype)) {
    return invalid("gradients {} {} of {} with averages {}", smelt::name(grad.dtype),
                   to_string(grad.shape), to_string(self.shape), to_string(v.shape));
  }
  SMELT_TRY(out.resize(self.shape));
  return with_float(out.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* dy, elements<C>(call, grad));
    SMELT_ASSIGN(C * dx, result_elements<C>(call, out));
    std::fill_n(dx, out.numel(), C(0));
    const auto spread = [&](C* volume, const PoolSpan& z, const PoolSpan& y, const PoolSpan& x,
                            C gradient) {
      const int64_t n = divisor != 0   ? divisor
                        : with_padding ? z.padded * y.padded * x.padded
                                       : z.count() * y.count() * x.count();
      for (int64_t a = z.begin; a < z.end; a += z.step) {
        for (int64_t b = y.begin; b < y.end; b += y.step) {
          C* row = volume + (a * v.in[1] + b) * v.in[2];
          for (int64_t c = x.begin; c < x.end; c += x.step) row[c] += gradient / C(n);
        }
      }
    };
    call.pool().parallel_for(v.count, 1, [&](size_t begin, size_t end, unsigned) {
      for (size_t i = begin; i < end; ++i) {
        const C* gradient = dy + i * v.out_size();
        for (int64_t a = 0; a < v.out[0]; ++a) {
          for (int64_t b = 0; b < v.out[1]; ++b) {
            for (int64_t c = 0; c < v.out[2]; ++c) {
              spread(dx + i * v.in_size(), v.spans[0][a], v.spans[1][b], v.spans[2][c],
                     *gradient++);
            }
          }
        }
      }
    });
    store(out, dx);
    return {};
  });
}

/// (grad_output, self, kernel, stride, padding, ceil_mode, count_include_pad, divisor?, out)
Status avg_pool2d_backward(Call& call) {
  SMELT_ASSIGN(const PoolVolume v, sliding_windows(call, 2, {}, call.boolean(5), 1));
  if (call.has(7) && call.integer(7) == 0) return invalid("a divisor of 0");
  return average_backward(call, v, call.tensor(1), call.integer_or(7, 0), call.boolean(6),
                          call.tensor(8));
}

/// (grad_output, self, out)
template <size_t Dims>
Status adaptive_avg_pool_backward(Call& call) {
  const Tensor &grad = call.tensor(0), &self = call.tensor(1);
  if (grad.rank() != self.rank() || self.rank() < Dims) {
    return invalid("gradients {} of {}", to_string(grad.shape), to_string(self.shape));
  }
  const std::span sizes(grad.shape.begin(), grad.rank());
  SMELT_ASSIGN(const PoolVolume v, dividing_windows(call, self, Dims, sizes.last(Dims)));
  return average_backward(call, v, self, 0, false, call.tensor(2));
}

/// Elements where the largest ones were; zeros around. (self, indices, sizes, …, out)
template <size_t Dims, size_t Out>
Status max_unpool(Call& call) {
  const Tensor &self = call.tensor(0), &indices = call.tensor(1);
  const auto sizes = call.ints(2);
  Tensor& out = call.tensor(Out);
  const bool ranks = self.rank() == Dims + 1 || self.rank() == Dims + 2;
  if (!ranks || sizes.size() != Dims || !(indices.shape == self.shape) ||
      indices.dtype != DType::kS64 || out.dtype != self.dtype) {
    return invalid("{} of {} at indices {} of {}, unpooled to {} sizes", to_string(self.shape),
                   smelt::name(self.dtype), to_string(indices.shape), smelt::name(indices.dtype),
                   sizes.size());
  }
  Shape wanted = self.shape;
  for (size_t i = 0; i < Dims; ++i) wanted[wanted.rank() - Dims + i] = sizes[i];
  SMELT_ASSIGN(const Shape shape, to_shape(std::span(wanted.begin(), wanted.rank())));
  SMELT_TRY(out.resize(shape));
  const size_t n = self.shape.numel(self.rank() - Dims, self.rank());
  const size_t volume = shape.numel(shape.rank() - Dims, shape.rank());
  return with_bytes_of(element_size(self.dtype), [&]<class T>(T) -> Status {
    T* y = out.as<T>();
    std::fill_n(y, out.numel(), T());
    for (size_t i = 0, count = self.numel(); i < count; ++i) {
      const int64_t at = indices.as<int64_t>()[i];
      if (at < 0 || uint64_t(at) >= volume) {
        return invalid_value("index {} into {} elements", at, volume);
      }
      y[i / n * volume + size_t(at)] = self.as<T>()[i];
    }
    return {};
  });
}

/// A pooling that has kernels for channels that are innermost.
constexpr Operator pooling(size_t dims, Operator op) {
  op.channels_last_rank = dims + 2;
  return choosing(op);
}

constexpr Operator kOperators[] = {
    pooling(2, {"aten::_adaptive_avg_pool2d.out", "TLW", adaptive_avg_pool<2>}),
    {"aten::_adaptive_avg_pool2d_backward.out", "TTW", adaptive_avg_pool_backward<2>},
    pooling(3, {"aten::_adaptive_avg_pool3d.out", "TLW", adaptive_avg_pool<3>}),
    {"aten::_adaptive_avg_pool3d_backward.out", "TTW", adaptive_avg_pool_backward<3>},
    pooling(1, {"aten::adaptive_avg_pool1d.out", "TLW", adaptive_avg_pool<1>}),
    pooling(2, {"aten::adaptive_avg_pool2d.out", "TLW", adaptive_avg_pool<2>}),
    pooling(3, {"aten::adaptive_avg_pool3d.out", "TLW", adaptive_avg_pool<3>}),
    pooling(2, {"aten::adaptive_max_pool2d.out", "TLWW", adaptive_max_pool<2>}),
    pooling(3, {"aten::adaptive_max_pool3d.out", "TLWW", adaptive_max_pool<3>}),
    pooling(1, {"aten::avg_pool1d.out", "TLLLBBW", avg_pool<1, false>}),
    pooling(2, {"aten::avg_pool2d.out", "TLLLBBiW", avg_pool<2, true>}),
    {"aten::avg_pool2d_backward.grad_input", "TTLLLBBiW", avg_pool2d_backward},
    pooling(3, {"aten::avg_pool3d.out", "TLLLBBiW", avg_pool<3, true>}),
    pooling(2, {"aten::max_pool2d_with_indices.out", "TLLLLBWW", max_pool<2>}),
    {"aten::max_pool2d_with_indices_backward.grad_input", "TTLLLLBTW", max_pool2d_backward},
    pooling(3, {"aten::max_pool3d_with_indices.out", "TLLLLBWW", max_pool<3>}),
    {"aten::max_unpool2d.out", "TTLW", max_unpool<2, 3>},
    {"aten::max_unpool3d.out", "TTLLLW", max_unpool<3, 5>},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> pool_operators() { return kTable; }

}  // namespace smelt::program
