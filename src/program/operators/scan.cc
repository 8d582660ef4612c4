// Along one dimension, with as much coming out as went in or the best of it: running sums, orders,
// normalised rows.
#include <algorithm>
#include <cmath>
#include <functional>
#include <type_traits>

#include "program/operators/dense.h"
#include "program/rows.h"

namespace smelt::program {
namespace {

Result<std::array<bool, kMaxRank>> one_dimension(int64_t dim, size_t rank) {
  return dimension_set({&dim, 1}, rank, false);
}

/// Running totals, of reals in double.
struct RunningSum {
  static constexpr int kStart = 0;
  template <class A>
  static A join(A total, A x) {
    return add(total, x);
  }
};
struct RunningProduct {
  static constexpr int kStart = 1;
  template <class A>
  static A join(A total, A x) {
    return mul(total, x);
  }
};

/// Down the columns of row-major tensors [outer, n, inner], a stretch of columns at a time: parts
/// of their rows are runs of memory. False: not such tensors, or hardly any columns.
template <class F, class Total, class C>
bool running_columns(Call& call, const Tensor& self, const Tensor& out, size_t dim) {
  constexpr size_t kStretch = 256, kFew = 8;
  const size_t inner = self.shape.numel(dim + 1, self.rank());
  if (!self.row_major || !out.row_major || inner < kFew || self.numel() == 0) return false;
  const size_t n = size_t(self.shape[dim]), outer = self.shape.numel(0, dim);
  const size_t stretches = (inner + kStretch - 1) / kStretch;
  const auto range = [&](size_t begin, size_t end, unsigned) {
    constexpr Compute kCompute = ComputeOf<C>::value;
    for (size_t s = begin; s < end; ++s) {
      const size_t column = s % stretches * kStretch, count = std::min(kStretch, inner - column);
      size_t at = s / stretches * n * inner + column;
      Total totals[kStretch];
      C block[kStretch];
      std::fill_n(totals, count, Total(F::kStart));
      for (size_t k = 0; k < n; ++k, at += inner) {
        load_run(call.vectors(), self.dtype, self.data + at * element_size(self.dtype), count,
                 kCompute, block);
        for (size_t i = 0; i < count; ++i) {
          totals[i] = F::join(totals[i], Total(block[i]));
          block[i] = C(totals[i]);
        }
        store_run(call.vectors(), out.dtype, out.data + at * element_size(out.dtype), count,
                  kCompute, block);
      }
    }
  };
  if (self.numel() < 65536 || call.pool().workers() == 1) {
    range(0, outer * stretches, 0);
  } else {
    call.pool().parallel_for(outer * stretches, 1, range);
  }
  return true;
}

/// (self, dim, dtype?, out): the type of the result is the one computed in.
template <class F>
Status running(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(3);
  SMELT_TRY(out.resize(self.shape));
  SMELT_ASSIGN(const auto set, one_dimension(call.integer(1), self.rank()));
  const Rows rows(Strided(self), set), results(Strided(out), set);
  return with_compute(compute_of(out.dtype), [&]<class C>(C) -> Status {
    using Total = std::conditional_t<std::is_same_v<C, int64_t>, int64_t, double>;
    if (self.rank() != 0) {
      SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), self.rank()));
      if (running_columns<F, Total, C>(call, self, out, dim)) return {};
    }
    return for_each_row<C>(call, rows, [&](size_t i, const C* x, C* y) {
      Total total = F::kStart;
      for (size_t k = 0; k < rows.length(); ++k) y[k] = C(total = F::join(total, Total(x[k])));
      results.write(call.vectors(), i, y);
    });
  });
}

/// values, indices: the best so far and where it was. Of equal elements the later one counts, and
/// nothing comes after a NaN.
template <template <class> class NotWorse>
Status running_best(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor &values = call.tensor(2), &indices = call.tensor(3);
  SMELT_TRY(values.resize(self.shape));
  SMELT_TRY(indices.resize(self.shape));
  SMELT_ASSIGN(const auto set, one_dimension(call.integer(1), self.rank()));
  const Rows rows(Strided(self), set), value_rows(Strided(values), set);
  const Rows index_rows(Strided(indices), set);
  const size_t n = rows.length();
  SMELT_ASSIGN(int64_t * places, call.scratch().take<int64_t>(n * call.pool().workers()));
  return with_compute(compute_of(self.dtype), [&]<class C>(C) {
    return for_each_row<C>(call, rows, [&](size_t i, const C* x, C* y, unsigned worker) {
      int64_t* place = places + n * worker;
      for (size_t k = 0, best = 0; k < n; ++k) {
        const C top = k == 0 ? x[0] : y[k - 1];
        const bool taken = x[k] != x[k] || (top == top && NotWorse<C>()(x[k], top));
        if (taken) best = k;
        y[k] = taken ? x[k] : top;
        place[k] = int64_t(best);
      }
      value_rows.write(call.vectors(), i, y);
      index_rows.write(call.vectors(), i, place);
    });
  });
}

/// The logarithm of the running sum of exponentials, so that none of them overflows.
Status logcumsumexp(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(2);
  if (!is_float(self.dtype)) return invalid("logcumsumexp of {}", smelt::name(self.dtype));
  SMELT_TRY(out.resize(self.shape));
  SMELT_ASSIGN(const auto set, one_dimension(call.integer(1), self.rank()));
  const Rows rows(Strided(self), set), results(Strided(out), set);
  return with_float(self.dtype, [&]<class C>(C) {
    return for_each_row<C>(call, rows, [&](size_t i, const C* x, C* y) {
      double total = -std::numeric_limits<double>::infinity();
      for (size_t k = 0; k < rows.length(); ++k) {
        const double v = x[k], high = larger(total, v), low = smaller(total, v);
        // Equal infinities have no difference.
        total = high == low && std::isinf(high) ? high : high + std::log1p(std::exp(low - high));
        y[k] = C(total);
      }
      results.write(call.vectors(), i, y);
    });
  });
}

/// values, indices [.., k]: the k largest or smallest along a dimension.
Status topk(Call& call) {
  const Tensor& self = call.tensor(0);
  // A single number is its own best, whatever k is.
  const int64_t k = self.rank() == 0 ? 1 : call.integer(1);
  const bool largest = call.boolean(3), sorted = call.boolean(4);
  Tensor &values = call.tensor(5), &indices = call.tensor(6);
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(2), self.rank()));
  SMELT_ASSIGN(const auto set, one_dimension(call.integer(2), self.rank()));
  const Rows rows(Strided(self), set);
  const size_t n = rows.length();
  if (k < 0 || size_t(k) > n) return invalid("the best {} of {}", k, n);
  Shape shape = self.shape;
  if (self.rank() > 0) shape[dim] = k;
  SMELT_TRY(values.resize(shape));
  SMELT_TRY(indices.resize(shape));
  const Rows value_rows(Strided(values), set), index_rows(Strided(indices), set);
  const size_t stride = n + size_t(k);
  SMELT_ASSIGN(int64_t * orders, call.scratch().take<int64_t>(stride));
  return with_compute(compute_of(self.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(C * buffer, call.scratch().take<C>(n));
    SMELT_ASSIGN(C * best, call.scratch().take<C>(size_t(k)));
    for (size_t i = 0; i < rows.count(); ++i) {
      const C* x = rows.read(call.vectors(), i, buffer);
      for (size_t j = 0; j < n; ++j) orders[j] = int64_t(j);
      // NaN counts as the largest. Which of equal elements are taken is nobody's promise, but what
      // PyTorch takes follows from its two ways to select, so they are the same here.
      const auto before = [&](int64_t a, int64_t b) {
        const C u = largest ? x[a] : x[b], v = largest ? x[b] : x[a];
        return u > v || (u != u && v == v);
      };
      if (size_t(k) * 64 <= n) {
        std::partial_sort(orders, orders + k, orders + n, before);
      } else if (k > 0) {
        std::nth_element(orders, orders + k - 1, orders + n, before);
        if (sorted) std::sort(orders, orders + k - 1, before);
      }
      for (int64_t j = 0; j < k; ++j) best[j] = x[orders[j]];
      value_rows.write(call.vectors(), i, best);
      index_rows.write(call.vectors(), i, orders);
    }
    return {};
  });
}

template <bool Log>
Status softmax(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(3);
  if (!is_float(self.dtype)) return invalid("softmax of {}", smelt::name(self.dtype));
  SMELT_TRY(out.resize(self.shape));
  SMELT_ASSIGN(const auto set, one_dimension(call.integer(1), self.rank()));
  const Rows rows(Strided(self), set), results(Strided(out), set);
  const size_t n = rows.length();
  const RowSoftmaxFn kernel =
      kernel_for(Log ? call.vectors().row_log_softmax : call.vectors().row_softmax, self.dtype);
  if (kernel != nullptr && n != 0 && alike(self, out) && rows.contiguous()) {
    if (call.decided(call.vectors().name)) return {};
    call.pool().parallel_for(rows.count(), std::max<size_t>(1, 8192 / n),
                             [&](size_t begin, size_t end, unsigned) {
                               for (size_t i = begin; i < end; ++i) {
                                 kernel(rows.start(i), results.start(i), n);
                               }
                             });
    return {};
  }
  if (call.decided({})) return {};
  return with_float(self.dtype, [&]<class C>(C) {
    return for_each_row<C>(call, rows, [&](size_t i, const C* x, C* y) {
      C top = -std::numeric_limits<C>::infinity();
      for (size_t k = 0; k < n; ++k) top = larger(top, x[k]);
      C sum = 0;
      if constexpr (Log) {
        for (size_t k = 0; k < n; ++k) sum += std::exp(x[k] - top);
        const C shift = std::log(sum);
        for (size_t k = 0; k < n; ++k) y[k] = x[k] - top - shift;
      } else {
        for (size_t k = 0; k < n; ++k) sum += y[k] = std::exp(x[k] - top);
        const C scale = C(1) / sum;
        for (size_t k = 0; k < n; ++k) y[k] *= scale;
      }
      results.write(call.vectors(), i, y);
    });
  });
}

/// The first half of a dimension, gated by the sigmoid of the second.
Status glu(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(2);
  if (self.rank() == 0 || !is_float(self.dtype)) {
    return invalid("glu of {}", to_string(self.shape));
  }
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), self.rank()));
  Shape shape = self.shape;
  if (shape[dim] % 2 != 0) return invalid("glu of a dimension of {}", shape[dim]);
  shape[dim] /= 2;
  SMELT_TRY(out.resize(shape));
  Strided in[] = {Strided(self), Strided(self)};
  in[0].narrow(dim, 0, shape[dim]);
  in[1].narrow(dim, shape[dim], shape[dim]);
  with_float(self.dtype, [&]<class C>(C) {
    const BlockFn gate = [](const void* const* from, void* to, size_t n, const void*) {
      const C* a = static_cast<const C*>(from[0]);
      const C* b = static_cast<const C*>(from[1]);
      for (size_t i = 0; i < n; ++i) static_cast<C*>(to)[i] = a[i] / (C(1) + std::exp(-b[i]));
    };
    map(call, ComputeOf<C>::value, Strided(out), in, gate, nullptr);
  });
  return {};
}

constexpr Operator kOperators[] = {
    choosing({"aten::_log_softmax.out", "TIBW", softmax<true>, true}),
    choosing({"aten::_softmax.out", "TIBW", softmax<false>, true}),
    {"aten::cummax.out", "TIWW", running_best<std::greater_equal>, true},
    {"aten::cummin.out", "TIWW", running_best<std::less_equal>, true},
    {"aten::cumprod.out", "TIiW", running<RunningProduct>, true},
    {"aten::cumsum.out", "TIiW", running<RunningSum>, true},
    {"aten::glu.out", "TIW", glu, true},
    {"aten::logcumsumexp.out", "TIW", logcumsumexp, true},
    {"aten::topk.values", "TIIBBWW", topk, true},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> scan_operators() { return kTable; }

}  // namespace smelt::program
