// Pooling over two dimensions.
#include <algorithm>

#include "program/operators/window.h"

namespace smelt::program {
namespace {

struct Plane {
  size_t count;  ///< planes: batch × channels
  Window h, w;
  Shape shape;  ///< of the result
};

/// Windows of (kernel, stride, padding[, dilation], ceil_mode) over the last two of three or four
/// dimensions.
Result<Plane> plane_of(const Tensor& self, std::span<const int64_t> kernel,
                       std::span<const int64_t> stride, std::span<const int64_t> padding,
                       std::span<const int64_t> dilation, bool ceil_mode) {
  if (self.rank() != 3 && self.rank() != 4)
    return invalid("pooling of {}, expected three or four dimensions", to_string(self.shape));
  Plane p;
  p.count = self.shape.numel(0, self.rank() - 2);
  p.shape = self.shape;
  for (size_t i = 0; i < 2; ++i) {
    Window& w = i == 0 ? p.h : p.w;
    const size_t d = self.rank() - 2 + i;
    w.in = self.shape[d];
    SMELT_TRY(slide(w, i, 2, kernel, stride, padding, dilation, ceil_mode));
    p.shape[d] = w.out;
  }
  return p;
}

/// Computes one plane of output after another: f(plane of input, plane of output).
template <class C, class F>
Status for_each_plane(Call& call, const Tensor& self, const Tensor& out, size_t count, F f) {
  SMELT_ASSIGN(const C* x, elements<C>(call, self));
  SMELT_ASSIGN(C * y, result_elements<C>(call, out));
  const size_t in = count == 0 ? 0 : self.numel() / count,
               size = count == 0 ? 0 : out.numel() / count;
  call.pool().parallel_for(count, 1, [&](size_t begin, size_t end, unsigned) {
    for (size_t i = begin; i < end; ++i) f(x + i * in, y + i * size, i);
  });
  store(out, y);
  return {};
}

/// The sum of n neighbours: several sums side by side, so that they do not wait for each other.
template <class C>
C sum_of(const C* x, int64_t n) {
  C part[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int64_t k = 0; k < 8; ++k) part[k] = add(part[k], x[i + k]);
  }
  C sum = 0;
  for (; i < n; ++i) sum = add(sum, x[i]);
  for (const C p : part) sum = add(sum, p);
  return sum;
}

/// The sum over rows [y0, y1) and columns [x0, x1) of a plane. Whole rows are one run.
template <class C>
C sum_of(const C* plane, int64_t width, int64_t y0, int64_t y1, int64_t x0, int64_t x1) {
  if (x0 == 0 && x1 == width)
    return sum_of(plane + y0 * width, std::max<int64_t>(y1 - y0, 0) * width);
  C sum = 0;
  for (int64_t row = y0; row < y1; ++row) {
    if (x1 - x0 >= 16) {
      sum = add(sum, sum_of(plane + row * width + x0, x1 - x0));
    } else {
      for (int64_t column = x0; column < x1; ++column) sum = add(sum, plane[row * width + column]);
    }
  }
  return sum;
}

/// (self, kernel, stride, padding, ceil_mode, count_include_pad, divisor?, out)
Status avg_pool2d(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(7);
  SMELT_ASSIGN(const Plane p,
               plane_of(self, call.ints(1), call.ints(2), call.ints(3), {}, call.boolean(4)));
  const bool include_pad = call.boolean(5);
  const int64_t divisor = call.integer_or(6, 0);
  if (call.has(6) && divisor == 0) return invalid("a divisor of 0");
  SMELT_TRY(out.resize(p.shape));
  return with_compute(compute_of(self.dtype), [&]<class C>(C) {
    return for_each_plane<C>(call, self, out, p.count, [&](const C* x, C* y, size_t) {
      for (int64_t i = 0; i < p.h.out; ++i) {
        const int64_t top = p.h.in_at(i, 0),
                      bottom = std::min(top + p.h.kernel, p.h.in + p.h.padding);
        for (int64_t j = 0; j < p.w.out; ++j) {
          const int64_t left = p.w.in_at(j, 0),
                        right = std::min(left + p.w.kernel, p.w.in + p.w.padding);
          const int64_t y0 = std::max<int64_t>(top, 0), y1 = std::min(bottom, p.h.in);
          const int64_t x0 = std::max<int64_t>(left, 0), x1 = std::min(right, p.w.in);
          const C sum = sum_of(x, p.w.in, y0, y1, x0, x1);
          const int64_t inside = std::max<int64_t>(y1 - y0, 0) * std::max<int64_t>(x1 - x0, 0);
          const int64_t n = divisor != 0  ? divisor
                            : include_pad ? (bottom - top) * (right - left)
                                          : inside;
          y[i * p.w.out + j] = n == 0 ? C(0) : sum / C(n);
        }
      }
    });
  });
}

/// (self, kernel, stride, padding, dilation, ceil_mode, out, indices)
Status max_pool2d(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor &out = call.tensor(6), &indices = call.tensor(7);
  if (indices.dtype != DType::kS64) return invalid("indices of {}", smelt::name(indices.dtype));
  SMELT_ASSIGN(const Plane p, plane_of(self, call.ints(1), call.ints(2), call.ints(3), call.ints(4),
                                       call.boolean(5)));
  SMELT_TRY(out.resize(p.shape));
  SMELT_TRY(indices.resize(p.shape));
  int64_t* at = indices.as<int64_t>();
  return with_compute(compute_of(self.dtype), [&]<class C>(C) {
    return for_each_plane<C>(call, self, out, p.count, [&](const C* x, C* y, size_t plane) {
      for (int64_t i = 0; i < p.h.out; ++i) {
        for (int64_t j = 0; j < p.w.out; ++j) {
          int64_t best = -1;
          for (int64_t a = 0; a < p.h.kernel; ++a) {
            const int64_t row = p.h.in_at(i, a);
            if (row < 0 || row >= p.h.in) continue;
            for (int64_t b = 0; b < p.w.kernel; ++b) {
              const int64_t col = p.w.in_at(j, b);
              if (col < 0 || col >= p.w.in) continue;
              const int64_t k = row * p.w.in + col;
              // NaN wins, as the last one does in PyTorch.
              if (best < 0 || x[k] > x[best] || x[k] != x[k]) best = k;
            }
          }
          const int64_t o = i * p.w.out + j;
          y[o] = best < 0 ? C(0) : x[best];
          at[int64_t(plane) * p.h.out * p.w.out + o] = std::max<int64_t>(best, 0);
        }
      }
    });
  });
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

Status adaptive_avg_pool2d(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto sizes = call.ints(1);
  Tensor& out = call.tensor(2);
  if ((self.rank() != 3 && self.rank() != 4) || sizes.size() != 2 || sizes[0] < 0 || sizes[1] < 0) {
    return invalid("pooling of {}", to_string(self.shape));
  }
  Shape shape = self.shape;
  const int64_t h = self.shape.back(1), w = self.shape.back(0);
  const int64_t out_h = shape[shape.rank() - 2] = sizes[0];
  const int64_t out_w = shape[shape.rank() - 1] = sizes[1];
  if (h == 0 || w == 0 || !checked_numel(shape))
    return invalid("pooling of {}", to_string(self.shape));
  SMELT_TRY(out.resize(shape));
  const size_t planes = self.shape.numel(0, self.rank() - 2);
  // Cell i of n covers [floor(i·in / n), ceil((i + 1)·in / n)).
  const auto begin = [](int64_t i, int64_t in, int64_t n) { return i * in / n; };
  const auto end = [](int64_t i, int64_t in, int64_t n) { return div_up((i + 1) * in, n); };
  return with_compute(compute_of(self.dtype), [&]<class C>(C) {
    return for_each_plane<C>(call, self, out, planes, [&](const C* x, C* y, size_t) {
      for (int64_t i = 0; i < out_h; ++i) {
        for (int64_t j = 0; j < out_w; ++j) {
          const int64_t y0 = begin(i, h, out_h), y1 = end(i, h, out_h);
          const int64_t x0 = begin(j, w, out_w), x1 = end(j, w, out_w);
          y[i * out_w + j] = sum_of(x, w, y0, y1, x0, x1) / C((y1 - y0) * (x1 - x0));
        }
      }
    });
  });
}

constexpr Operator kOperators[] = {
    {"aten::_adaptive_avg_pool2d.out", "TLW", adaptive_avg_pool2d},
    {"aten::avg_pool2d.out", "TLLLBBiW", avg_pool2d},
    {"aten::max_pool2d_with_indices.out", "TLLLLBWW", max_pool2d},
    {"aten::max_pool2d_with_indices_backward.grad_input", "TTLLLLBTW", max_pool2d_backward},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> pool_operators() { return kTable; }

}  // namespace smelt::program
