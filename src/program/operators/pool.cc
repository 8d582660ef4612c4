// Pooling over one, two or three dimensions, with windows that slide or that divide the input.
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
  SMELT_ASSIGN(const PoolVolume v, dividing_windows(call, Dims));
  return average(call, v, 0, false, call.tensor(2));
}

/// (self, sizes, out, indices)
template <size_t Dims>
Status adaptive_max_pool(Call& call) {
  SMELT_ASSIGN(const PoolVolume v, dividing_windows(call, Dims));
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

constexpr Operator kOperators[] = {
    choosing({"aten::_adaptive_avg_pool2d.out", "TLW", adaptive_avg_pool<2>}),
    choosing({"aten::_adaptive_avg_pool3d.out", "TLW", adaptive_avg_pool<3>}),
    choosing({"aten::adaptive_avg_pool1d.out", "TLW", adaptive_avg_pool<1>}),
    choosing({"aten::adaptive_avg_pool2d.out", "TLW", adaptive_avg_pool<2>}),
    choosing({"aten::adaptive_avg_pool3d.out", "TLW", adaptive_avg_pool<3>}),
    choosing({"aten::adaptive_max_pool2d.out", "TLWW", adaptive_max_pool<2>}),
    choosing({"aten::adaptive_max_pool3d.out", "TLWW", adaptive_max_pool<3>}),
    choosing({"aten::avg_pool1d.out", "TLLLBBW", avg_pool<1, false>}),
    choosing({"aten::avg_pool2d.out", "TLLLBBiW", avg_pool<2, true>}),
    choosing({"aten::avg_pool3d.out", "TLLLBBiW", avg_pool<3, true>}),
    choosing({"aten::max_pool2d_with_indices.out", "TLLLLBWW", max_pool<2>}),
    {"aten::max_pool2d_with_indices_backward.grad_input", "TTLLLLBTW", max_pool2d_backward},
    choosing({"aten::max_pool3d_with_indices.out", "TLLLLBWW", max_pool<3>}),
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> pool_operators() { return kTable; }

}  // namespace smelt::program
