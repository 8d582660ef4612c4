// Distances between rows.
#include <cmath>

#include "program/operators/common.h"

namespace smelt::program {
namespace {

/// The p-norm of a - b.
template <class C>
C distance(const C* a, const C* b, size_t n, double p) {
  C sum = 0;
  for (size_t i = 0; i < n; ++i) {
    const C d = std::abs(a[i] - b[i]);
    if (p == 0) {
      sum += d != 0;
    } else if (p == 1) {
      sum += d;
    } else if (p == 2) {
      sum += d * d;
    } else if (std::isinf(p)) {
      sum = larger(sum, d);
    } else {
      sum += std::pow(d, C(p));
    }
  }
  if (p == 2) return std::sqrt(sum);
  return p == 0 || p == 1 || std::isinf(p) ? sum : std::pow(sum, C(1 / p));
}

Status check_norm(double p, const Tensor& t) {
  if (!(p >= 0)) return invalid("a norm of {}", p);
  if (!is_float(t.dtype)) return invalid("distances of {}", smelt::name(t.dtype));
  return {};
}

/// [.., m, d], [.., n, d] → [.., m, n]. (x1, x2, p, compute_mode?, out)
Status cdist(Call& call) {
  const Tensor &x1 = call.tensor(0), &x2 = call.tensor(1);
  const double p = call.real(2);
  Tensor& out = call.tensor(4);
  SMELT_TRY(check_norm(p, x1));
  if (x1.rank() < 2 || x2.rank() < 2 || x1.shape.back() != x2.shape.back() ||
      x1.dtype != x2.dtype) {
    return invalid("distances of {} and {}", to_string(x1.shape), to_string(x2.shape));
  }
  const auto lead = [](const Shape& s) { return Shape(s.dims().first(s.rank() - 2)); };
  SMELT_ASSIGN(Shape batch, broadcast_shapes(lead(x1.shape), lead(x2.shape)));
  const size_t m = size_t(x1.shape.back(1)), n = size_t(x2.shape.back(1)),
               d = size_t(x1.shape.back());
  Shape shape = batch;
  shape.push_back(int64_t(m));
  shape.push_back(int64_t(n));
  SMELT_TRY(out.resize(shape));
  /// Offset of a batch in a tensor that may have fewer.
  const auto offset = [&](const Shape& s, size_t i) {
    size_t at = 0, stride = 1;
    for (size_t k = batch.rank(); k-- > 0;) {
      const size_t index = i % size_t(batch[k]);
      i /= size_t(batch[k]);
      const size_t missing = batch.rank() - (s.rank() - 2);
      if (k < missing) continue;
      const int64_t extent = s[k - missing];
      if (extent != 1) at += index * stride;
      stride *= size_t(extent);
    }
    return at;
  };
  return with_float(x1.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* a, elements<C>(call, x1));
    SMELT_ASSIGN(const C* b, elements<C>(call, x2));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    for (size_t i = 0, count = batch.numel(); i < count; ++i) {
      const C* rows = a + offset(x1.shape, i) * m * d;
      const C* cols = b + offset(x2.shape, i) * n * d;
      for (size_t r = 0; r < m; ++r) {
        for (size_t c = 0; c < n; ++c) {
          y[(i * m + r) * n + c] = distance(rows + r * d, cols + c * d, d, p);
        }
      }
    }
    store(out, y);
    return {};
  });
}

/// [n, d] → [n (n - 1) / 2]: each pair once.
Status pdist(Call& call) {
  const Tensor& self = call.tensor(0);
  const double p = call.real(1);
  Tensor& out = call.tensor(2);
  SMELT_TRY(check_norm(p, self));
  if (self.rank() != 2) return invalid("distances in {}", to_string(self.shape));
  const int64_t n = self.shape[0];
  const size_t d = size_t(self.shape[1]);
  SMELT_TRY(out.resize(Shape{n > 1 ? n * (n - 1) / 2 : 0}));
  return with_float(self.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, self));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    C* next = y;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = i + 1; j < n; ++j) {
        *next++ = distance(x + size_t(i) * d, x + size_t(j) * d, d, p);
      }
    }
    store(out, y);
    return {};
  });
}

constexpr Operator kOperators[] = {
    {"aten::_cdist_forward.out", "TTDiW", cdist},
    {"aten::_pdist_forward.out", "TDW", pdist},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> distance_operators() { return kTable; }

}  // namespace smelt::program
