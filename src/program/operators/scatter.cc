// Elements that meet others where indices send them: sums, products, means, extremes; and slices
// that do.
#include <algorithm>

#include "program/operators/index_places.h"

namespace smelt::program {
namespace {

enum class Reduction { kNone, kSum, kProduct, kMean, kLargest, kSmallest };

/// `names`: those that an operator knows, in the order of Reduction, empty ones left out.
Result<Reduction> reduction_named(std::string_view name, std::span<const std::string_view> names) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (!names[i].empty() && names[i] == name) return Reduction(i);
  }
  return invalid("reduction \"{}\"", name);
}

template <class C>
C join(Reduction r, C a, C b) {
  switch (r) {
    case Reduction::kNone:
      return b;
    case Reduction::kProduct:
      return mul(a, b);
    case Reduction::kLargest:
      return larger(a, b);
    case Reduction::kSmallest:
      return smaller(a, b);
    case Reduction::kSum:
    case Reduction::kMean:
      break;
  }
  return add(a, b);
}

/// What nothing changes when it is joined with others.
template <class C>
C neutral(Reduction r) {
  using Limits = std::numeric_limits<C>;
  const C least = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  const C most = Limits::has_infinity ? Limits::infinity() : Limits::max();
  return r == Reduction::kProduct    ? C(1)
         : r == Reduction::kLargest  ? least
         : r == Reduction::kSmallest ? most
                                     : C(0);
}

/// A whole number of shares: rounded down.
int64_t share(int64_t sum, int64_t n) { return sum / n - (sum % n != 0 && sum < 0); }
template <class C>
C share(C sum, int64_t n) {
  return sum / C(n);
}

/// out = self, where element `to` of it is joined with element `from` of what arrives, for every
/// pair that places(f) calls f(to, from) with; it does so in the same order each time.
/// value(C(), from) gives the element that arrives.
template <class Places, class Value>
Status meet(Call& call, Reduction r, bool include_self, Tensor& out, Places places, Value value) {
  const Tensor& self = call.tensor(0);
  if (out.dtype != self.dtype) {
    return invalid("{} scattered into {}", smelt::name(self.dtype), smelt::name(out.dtype));
  }
  SMELT_TRY(out.resize(self.shape));
  const size_t n = self.numel();
  return with_compute(compute_of(out.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    load_block(self.dtype, self.data, 1, n, ComputeOf<C>::value, y);
    if (!include_self) {
      SMELT_TRY(places([&](int64_t to, int64_t) { y[to] = neutral<C>(r); }));
    }
    int64_t* counts = nullptr;
    if (r == Reduction::kMean) {
      SMELT_ASSIGN(counts, call.scratch().take<int64_t>(n));
      std::fill_n(counts, n, include_self);
    }
    SMELT_TRY(places([&](int64_t to, int64_t from) {
      y[to] = join(r, y[to], value(C(), from));
      if (counts != nullptr) ++counts[to];
    }));
    for (size_t i = 0; counts != nullptr && i < n; ++i) {
      if (counts[i] > 1) y[i] = share(y[i], counts[i]);
    }
    store(out, y);
    return {};
  });
}

/// The elements of a tensor as values that arrive.
auto elements_of(const Tensor& t) {
  return [&t]<class C>(C, int64_t i) { return load_element<C>(t.dtype, t.data, i); };
}
auto number_of(const EValue& v) {
  return [&v]<class C>(C, int64_t) { return number<C>(v); };
}

// ---- one index per element

/// (self, dim, index, source or number, …)
auto by_index(Call& call, const Shape& source, size_t dim) {
  return [&call, &source, dim](auto f) {
    return for_each_index(call.tensor(0), call.tensor(2), source, dim,
                          [&](int64_t to, int64_t, int64_t from) { f(to, from); });
  };
}

constexpr std::string_view kReductions[] = {"", "sum", "prod", "mean", "amax", "amin"};
constexpr std::string_view kOldReductions[] = {"", "add", "multiply"};

/// (self, dim, index, source, reduction, include_self, out)
Status scatter_reduce(Call& call) {
  const Tensor& source = call.tensor(3);
  SMELT_ASSIGN(const Reduction r, reduction_named(call.string(4), kReductions));
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), call.tensor(0).rank()));
  return meet(call, r, call.boolean(5), call.tensor(6), by_index(call, source.shape, dim),
              elements_of(source));
}

/// (self, dim, index, source, reduction, out)
Status scatter_old(Call& call) {
  const Tensor& source = call.tensor(3);
  SMELT_ASSIGN(const Reduction r, reduction_named(call.string(4), kOldReductions));
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), call.tensor(0).rank()));
  return meet(call, r, true, call.tensor(5), by_index(call, source.shape, dim),
              elements_of(source));
}

/// (self, dim, index, number, reduction, out)
Status scatter_old_number(Call& call) {
  SMELT_ASSIGN(const Reduction r, reduction_named(call.string(4), kOldReductions));
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), call.tensor(0).rank()));
  return meet(call, r, true, call.tensor(5), by_index(call, call.tensor(2).shape, dim),
              number_of(call.scalar(3)));
}

// ---- one index per slice

/// Calls f(place in self, place in source) for the elements of the slices that are named. A source
/// of one element, `single`, is the same for all.
Result<size_t> slice_dim(Call& call, const Shape* source) {
  const Tensor &self = call.tensor(0), &index = call.tensor(2);
  SMELT_TRY(check_index_type(index));
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), self.rank()));
  Shape wanted = self.shape;
  if (self.rank() != 0) wanted[dim] = int64_t(index.numel());
  const bool fits =
      index.rank() <= 1 && (self.rank() != 0 || index.numel() == 1) &&
      (source == nullptr || *source == wanted || (source->rank() == 0 && wanted.numel() == 1));
  if (!fits) {
    return invalid("slices {} of {} at {} indices",
                   source == nullptr ? std::string() : to_string(*source), to_string(self.shape),
                   to_string(index.shape));
  }
  return dim;
}
auto by_slice(Call& call, size_t dim) {
  return [&call, dim](auto f) -> Status {
    const Tensor &self = call.tensor(0), &index = call.tensor(2);
    const Shape& s = self.shape;
    const int64_t extent = s.rank() == 0 ? 1 : s[dim];
    const auto outer = int64_t(s.numel(0, s.rank() == 0 ? 0 : dim));
    const auto inner = int64_t(s.rank() == 0 ? 1 : s.numel(dim + 1, s.rank()));
    const auto n = int64_t(index.numel());
    for (int64_t k = 0; k < n; ++k) {
      SMELT_ASSIGN(const int64_t at, checked_index(index_at(index, size_t(k)), extent));
      for (int64_t o = 0; o < outer; ++o) {
        for (int64_t i = 0; i < inner; ++i) {
          f((o * extent + at) * inner + i, (o * n + k) * inner + i);
        }
      }
    }
    return {};
  };
}

/// (self, dim, index, source, alpha, out)
Status index_add(Call& call) {
  const Tensor& source = call.tensor(3);
  SMELT_ASSIGN(const size_t dim, slice_dim(call, &source.shape));
  const auto scaled = [&]<class C>(C, int64_t i) {
    return mul(number<C>(call.scalar(4)), load_element<C>(source.dtype, source.data, i));
  };
  return meet(call, Reduction::kSum, true, call.tensor(5), by_slice(call, dim), scaled);
}

/// (self, dim, index, source, reduction, include_self, out)
Status index_reduce(Call& call) {
  const Tensor& source = call.tensor(3);
  SMELT_ASSIGN(const Reduction r, reduction_named(call.string(4), kReductions));
  if (r == Reduction::kSum) return invalid("reduction \"{}\"", call.string(4));
  SMELT_ASSIGN(const size_t dim, slice_dim(call, &source.shape));
  return meet(call, r, call.boolean(5), call.tensor(6), by_slice(call, dim), elements_of(source));
}

/// (self, dim, index, source, out)
Status index_copy(Call& call) {
  const Tensor& source = call.tensor(3);
  SMELT_ASSIGN(const size_t dim, slice_dim(call, &source.shape));
  return meet(call, Reduction::kNone, true, call.tensor(4), by_slice(call, dim),
              elements_of(source));
}

/// (self, dim, index, number or tensor of one element, out)
Status index_fill(Call& call) {
  SMELT_ASSIGN(const size_t dim, slice_dim(call, nullptr));
  if (call.scalar(3).is_scalar()) {
    return meet(call, Reduction::kNone, true, call.tensor(4), by_slice(call, dim),
                number_of(call.scalar(3)));
  }
  const Tensor& value = call.tensor(3);
  if (value.numel() != 1) return invalid("slices of {} values", value.numel());
  return meet(call, Reduction::kNone, true, call.tensor(4), by_slice(call, dim),
              [&]<class C>(C, int64_t) { return load_element<C>(value.dtype, value.data); });
}

/// The gradient of a table of embeddings: (grad_output [.., d], indices [..], rows, padding row,
/// divided by how often a row occurs, out [rows, d]). The padding row gets none.
Status embedding_backward(Call& call) {
  const Tensor &grad = call.tensor(0), &indices = call.tensor(1);
  const int64_t rows = call.integer(2), padding = call.integer(3);
  Tensor& out = call.tensor(5);
  SMELT_TRY(check_index_type(indices));
  Shape wanted = indices.shape;
  const int64_t d = grad.rank() == 0 ? 1 : grad.shape.back();
  if (wanted.rank() < kMaxRank) wanted.push_back(d);
  if (!(grad.shape == wanted) || grad.dtype != out.dtype || !is_float(out.dtype)) {
    return invalid("gradients {} {} as {} of embeddings at indices {}", smelt::name(grad.dtype),
                   to_string(grad.shape), smelt::name(out.dtype), to_string(indices.shape));
  }
  const int64_t sizes[] = {rows, d};
  SMELT_ASSIGN(const Shape shape, to_shape(sizes));
  SMELT_TRY(out.resize(shape));
  const size_t n = indices.numel();
  SMELT_ASSIGN(int64_t * counts, call.scratch().take<int64_t>(size_t(rows)));
  std::fill_n(counts, rows, 0);
  for (size_t i = 0; i < n; ++i) {
    const int64_t at = index_at(indices, i);
    if (at < 0 || at >= rows) return invalid_value("index {} into a table of {} rows", at, rows);
    ++counts[at];
  }
  return with_float(out.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* dy, elements<C>(call, grad));
    SMELT_ASSIGN(C * dw, result_elements<C>(call, out));
    std::fill_n(dw, out.numel(), C(0));
    for (size_t i = 0; i < n; ++i) {
      const int64_t at = index_at(indices, i);
      if (at == padding) continue;
      const C divisor = call.boolean(4) ? C(counts[at]) : C(1);
      for (int64_t k = 0; k < d; ++k) dw[at * d + k] += dy[int64_t(i) * d + k] / divisor;
    }
    store(out, dw);
    return {};
  });
}

constexpr Operator kOperators[] = {
    {"aten::embedding_dense_backward.out", "TTIIBW", embedding_backward},
    {"aten::index_add.out", "TITTSW", index_add},
    {"aten::index_copy.out", "TITTW", index_copy},
    {"aten::index_fill.int_Scalar_out", "TITSW", index_fill},
    {"aten::index_fill.int_Tensor_out", "TITTW", index_fill},
    {"aten::index_reduce.out", "TITTZBW", index_reduce},
    {"aten::scatter.reduce_out", "TITTZW", scatter_old},
    {"aten::scatter.value_reduce_out", "TITSZW", scatter_old_number},
    {"aten::scatter_reduce.two_out", "TITTZBW", scatter_reduce},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> scatter_operators() { return kTable; }

}  // namespace smelt::program
