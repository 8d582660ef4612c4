// Elements in order: sorted, the middle ones, the different ones; and places among sorted ones.
#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>

#include "program/operators/common.h"
#include "program/rows.h"

namespace smelt::program {
namespace {

/// An element as a number that orders like it, and where it was. No two are equal, so that every
/// sort is stable: also std::sort, which needs no memory.
struct Ranked {
  uint64_t rank;
  int64_t place;
  friend auto operator<=>(const Ranked&, const Ranked&) = default;
};

constexpr uint64_t kSign = uint64_t(1) << 63;
/// Of a NaN, whatever its bits: it is the largest, as PyTorch has it.
constexpr uint64_t kNanRank = ~uint64_t(0);

/// Zeros of both signs are equal.
uint64_t rank_of(double x, DType) {
  if (x != x) return kNanRank;
  const auto bits = std::bit_cast<uint64_t>(x + 0.0);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}
uint64_t rank_of(float x, DType t) { return rank_of(double(x), t); }
uint64_t rank_of(int64_t x, DType t) {
  return t == DType::kU64 ? uint64_t(x) : uint64_t(x) ^ kSign;
}

template <class C>
void rank_row(const C* x, size_t n, DType type, bool descending, Ranked* to) {
  const uint64_t flip = descending ? ~uint64_t(0) : 0;
  for (size_t k = 0; k < n; ++k) to[k] = {rank_of(x[k], type) ^ flip, int64_t(k)};
}

/// A row of `n` per worker.
template <class T>
Result<T*> row_per_worker(Call& call, size_t n) {
  return call.scratch().take<T>(n * call.pool().workers());
}

/// The rows that an operator with one dimension works along; a scalar is a row of one.
Result<Rows> rows_along(const Tensor& self, int64_t dim) {
  SMELT_ASSIGN(const auto set, dimension_set({&dim, 1}, self.rank()));
  return Rows(Strided(self), set);
}

/// `values` may be null.
Status sort(Call& call, int64_t dim, bool descending, Tensor* values, Tensor& indices) {
  const Tensor& self = call.tensor(0);
  if (values != nullptr) {
    if (values->dtype != self.dtype) {
      return invalid("{} sorted as {}", smelt::name(self.dtype), smelt::name(values->dtype));
    }
    SMELT_TRY(values->resize(self.shape));
  }
  SMELT_TRY(indices.resize(self.shape));
  SMELT_ASSIGN(const Rows rows, rows_along(self, dim));
  SMELT_ASSIGN(const Rows value_rows, rows_along(values != nullptr ? *values : self, dim));
  SMELT_ASSIGN(const Rows index_rows, rows_along(indices, dim));
  const size_t n = rows.length();
  SMELT_ASSIGN(Ranked * all_ranked, row_per_worker<Ranked>(call, n));
  SMELT_ASSIGN(int64_t * all_places, row_per_worker<int64_t>(call, n));
  return with_compute(compute_of(self.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(C * all_sorted, row_per_worker<C>(call, n));
    return for_each_row<C>(call, rows, [&](size_t i, const C* x, C*, unsigned worker) {
      Ranked* ranked = all_ranked + n * worker;
      int64_t* places = all_places + n * worker;
      C* sorted = all_sorted + n * worker;
      rank_row(x, n, self.dtype, descending, ranked);
      std::sort(ranked, ranked + n);
      for (size_t k = 0; k < n; ++k) places[k] = ranked[k].place;
      index_rows.write(call.vectors(), i, places);
      if (values == nullptr) return;
      for (size_t k = 0; k < n; ++k) sorted[k] = x[places[k]];
      value_rows.write(call.vectors(), i, sorted);
    });
  });
}

/// (self, dim, descending, values, indices)
Status sort(Call& call) {
  return sort(call, call.integer(1), call.boolean(2), &call.tensor(3), call.tensor(4));
}
/// (self, stable?, dim, descending, values, indices)
Status sort_stable(Call& call) {
  return sort(call, call.integer(2), call.boolean(3), &call.tensor(4), call.tensor(5));
}
/// (self, stable, dim, descending, indices)
Status argsort(Call& call) {
  return sort(call, call.integer(2), call.boolean(3), nullptr, call.tensor(4));
}

/// One element per row and where it was: place(elements, count, worker) says which.
template <class F>
Status choose(Call& call, int64_t dim, bool keep, Tensor& values, Tensor& indices, F place) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const auto set, dimension_set({&dim, 1}, self.rank()));
  const Shape shape = reduced_shape(self.shape, set, keep);
  SMELT_TRY(values.resize(shape));
  SMELT_TRY(indices.resize(shape));
  const Rows rows(Strided(self), set);
  const size_t n = rows.length();
  if (n == 0) {
    return invalid("no elements to choose from in a tensor of shape {}", to_string(self.shape));
  }
  return with_compute(compute_of(self.dtype), [&]<class C>(C) {
    return for_each_row<C>(call, rows, [&](size_t i, const C* x, C*, unsigned worker) {
      const int64_t at = place(x, n, worker);
      store_element(values.dtype, values.data, ptrdiff_t(i), x[at]);
      store_element(indices.dtype, indices.data, ptrdiff_t(i), at);
    });
  });
}

/// Where the middle element is, the lower one of two. A NaN is the result, or else is not counted.
/// Which of equal elements is taken is nobody's promise, but what PyTorch takes follows from its
/// way to select, so it is the same here.
template <bool IgnoreNan, class C>
int64_t middle(const C* x, size_t n, int64_t* order) {
  size_t nans = 0;
  for (size_t k = 0; k < n; ++k) {
    order[k] = int64_t(k);
    if (x[k] == x[k]) continue;
    if (!IgnoreNan) return int64_t(k);
    ++nans;
  }
  const size_t at = nans < n ? (n - nans - 1) / 2 : 0;
  std::nth_element(order, order + at, order + n, [&](int64_t a, int64_t b) {
    return x[a] < x[b] || (x[a] == x[a] && x[b] != x[b]);
  });
  return order[at];
}

/// (self, dim, keepdim, values, indices)
template <bool IgnoreNan>
Status median_dim(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const Rows rows, rows_along(self, call.integer(1)));
  const size_t n = rows.length();
  SMELT_ASSIGN(int64_t * orders, row_per_worker<int64_t>(call, n));
  return choose(call, call.integer(1), call.boolean(2), call.tensor(3), call.tensor(4),
                [&](const auto* x, size_t count, unsigned worker) {
                  return middle<IgnoreNan>(x, count, orders + n * worker);
                });
}

/// (self, out): of all elements; NaN if there are none.
template <bool IgnoreNan>
Status median(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(1);
  const size_t n = self.numel();
  if (n == 0 && !is_float(out.dtype)) return invalid("the median of no {}", name(self.dtype));
  SMELT_TRY(out.resize({}));
  SMELT_ASSIGN(int64_t * order, call.scratch().take<int64_t>(n));
  return with_compute(compute_of(self.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, self));
    store_element(
        out.dtype, out.data, 0,
        n == 0 ? C(std::numeric_limits<double>::quiet_NaN()) : x[middle<IgnoreNan>(x, n, order)]);
    return {};
  });
}

/// (self, k, dim, keepdim, values, indices): the k-th smallest, counted from 1.
Status kthvalue(Call& call) {
  const Tensor& self = call.tensor(0);
  const int64_t k = call.integer(1);
  SMELT_ASSIGN(const Rows rows, rows_along(self, call.integer(2)));
  const size_t n = rows.length();
  if (k < 1 || size_t(k) > n) return invalid("element {} in the order of {}", k, n);
  SMELT_ASSIGN(Ranked * all, row_per_worker<Ranked>(call, n));
  return choose(call, call.integer(2), call.boolean(3), call.tensor(4), call.tensor(5),
                [&](const auto* x, size_t count, unsigned worker) {
                  Ranked* ranked = all + n * worker;
                  rank_row(x, count, self.dtype, false, ranked);
                  std::nth_element(ranked, ranked + k - 1, ranked + count);
                  return ranked[k - 1].place;
                });
}

/// (self, dim, keepdim, values, indices): the element that occurs most often, the smallest of
/// several, at its last place.
Status mode(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const Rows rows, rows_along(self, call.integer(1)));
  const size_t n = rows.length();
  SMELT_ASSIGN(Ranked * all, row_per_worker<Ranked>(call, n));
  return choose(call, call.integer(1), call.boolean(2), call.tensor(3), call.tensor(4),
                [&](const auto* x, size_t count, unsigned worker) {
                  Ranked* ranked = all + n * worker;
                  rank_row(x, count, self.dtype, false, ranked);
                  std::sort(ranked, ranked + count);
                  size_t most = 0;
                  int64_t best = 0;
                  for (size_t first = 0, k = 0; k < count; ++k) {
                    if (ranked[k].rank != ranked[first].rank) first = k;
                    if (k + 1 - first <= most) continue;
                    most = k + 1 - first;
                    best = ranked[k].place;
                  }
                  return best;
                });
}

// ---- different elements

/// The different elements in the order in which `ranked` lists them, how often each comes, and
/// which of them each element is. (…, values, inverse, counts); what is not asked for is empty.
/// Each NaN differs from all others.
Status distinct(Call& call, const Ranked* ranked, bool inverse_wanted, bool counts_wanted,
                size_t out) {
  const Tensor& self = call.tensor(0);
  Tensor &values = call.tensor(out), &inverse = call.tensor(out + 1),
         &counts = call.tensor(out + 2);
  if (values.dtype != self.dtype || inverse.dtype != DType::kS64 || counts.dtype != DType::kS64) {
    return invalid("different elements of {} as {} with indices of {} and {}", name(self.dtype),
                   name(values.dtype), name(inverse.dtype), name(counts.dtype));
  }
  const bool reals = is_float(self.dtype);
  const auto starts = [&](size_t k) {
    return k == 0 || ranked[k].rank != ranked[k - 1].rank || (reals && ranked[k].rank == kNanRank);
  };
  const size_t n = self.numel();
  int64_t found = 0;
  for (size_t k = 0; k < n; ++k) found += starts(k);
  SMELT_TRY(values.resize({found}));
  SMELT_TRY(inverse.resize(inverse_wanted ? self.shape : Shape{0}));
  SMELT_TRY(counts.resize({counts_wanted ? found : 0}));
  int64_t at = -1;
  with_bytes_of(element_size(self.dtype), [&]<class T>(T) {
    for (size_t k = 0; k < n; ++k) {
      if (starts(k)) {
        values.as<T>()[++at] = self.as<T>()[ranked[k].place];
        if (counts_wanted) counts.as<int64_t>()[at] = 0;
      }
      if (counts_wanted) ++counts.as<int64_t>()[at];
      if (inverse_wanted) inverse.as<int64_t>()[ranked[k].place] = at;
    }
  });
  return {};
}

Result<Ranked*> ranked_elements(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(Ranked * ranked, call.scratch().take<Ranked>(self.numel()));
  SMELT_TRY(with_compute(compute_of(self.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, self));
    rank_row(x, self.numel(), self.dtype, false, ranked);
    return {};
  }));
  return ranked;
}

/// (self, sorted, return_inverse, return_counts, values, inverse, counts): always sorted.
Status unique(Call& call) {
  SMELT_ASSIGN(Ranked * ranked, ranked_elements(call));
  std::sort(ranked, ranked + call.tensor(0).numel());
  return distinct(call, ranked, call.boolean(2), call.boolean(3), 4);
}

/// (self, return_inverse, return_counts, dim?, values, inverse, counts): of equal neighbours one.
Status unique_consecutive(Call& call) {
  if (call.has(3) && call.tensor(0).rank() != 1) {
    return fail(ErrorCode::kUnsupported, "different neighbours along a dimension");
  }
  SMELT_ASSIGN(const Ranked* ranked, ranked_elements(call));
  return distinct(call, ranked, call.boolean(1), call.boolean(2), 4);
}

// ---- places among sorted elements, and counts

/// Where `value` would go in a sorted row: before its equals, or behind them. NaN goes to the end.
template <class C>
int64_t place_of(C value, const C* sorted, const int64_t* order, int64_t n, bool behind) {
  int64_t first = 0, last = n;
  while (first < last) {
    const int64_t middle = first + (last - first) / 2;
    const C x = sorted[order == nullptr ? middle : order[middle]];
    if (behind ? x > value : x >= value) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  return first;
}

/// Places of `values` in the rows of `sorted`: in the row of the same index, or in the only one.
/// `sorter` lists the elements of each row in order, where they are not sorted themselves.
Status find_places(Call& call, const Tensor& sorted, const EValue& values, bool behind,
                   const Tensor* sorter, Tensor& out) {
  CommonType common;
  common.add(sorted);
  const bool is_tensor = values.kind == Kind::kTensor;
  is_tensor ? common.add(*values.tensor) : common.add(values);
  const Shape shape = is_tensor ? values.tensor->shape : Shape();
  if (sorted.rank() == 0) return invalid("places in a sequence without a dimension");
  const auto lead = [](const Shape& s) { return Shape(s.dims().first(s.rank() - 1)); };
  if (sorted.rank() > 1 && (shape.rank() == 0 || !(lead(shape) == lead(sorted.shape)))) {
    return invalid("places of {} in {}", to_string(shape), to_string(sorted.shape));
  }
  if (out.dtype != DType::kS64 && out.dtype != DType::kS32) {
    return invalid("places of type {}", name(out.dtype));
  }
  const int64_t n = sorted.shape.back();
  if (sorter != nullptr) {
    if (!(sorter->shape == sorted.shape) || sorter->dtype != DType::kS64) {
      return invalid("an order of {} {} for {}", name(sorter->dtype), to_string(sorter->shape),
                     to_string(sorted.shape));
    }
    for (size_t i = 0; i < sorter->numel(); ++i) {
      if (sorter->as<int64_t>()[i] < 0 || sorter->as<int64_t>()[i] >= n) {
        return invalid("element {} of a row of {}", sorter->as<int64_t>()[i], n);
      }
    }
  }
  SMELT_TRY(out.resize(shape));
  const size_t count = shape.numel();
  const size_t per_row = sorted.rank() > 1 ? size_t(shape.back()) : std::max<size_t>(count, 1);
  return with_compute(compute_of(common.get()), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* rows, elements<C>(call, sorted));
    C single = 0;
    const C* x = &single;
    if (is_tensor) {
      SMELT_ASSIGN(x, elements<C>(call, *values.tensor));
    } else {  // a number of the common type
      std::byte converted[kComputeBytesMax];
      store_element(common.get(), converted, 0, number<C>(values));
      single = load_element<C>(common.get(), converted);
    }
    const auto range = [&](size_t begin, size_t end, unsigned) {
      for (size_t i = begin; i < end; ++i) {
        const size_t row = i / per_row * size_t(n);
        const int64_t* order = sorter == nullptr ? nullptr : sorter->as<int64_t>() + row;
        store_element(out.dtype, out.data, ptrdiff_t(i),
                      place_of(x[i], rows + row, order, n, behind));
      }
    };
    call.pool().parallel_for(count, 4096, range);
    return {};
  });
}

/// (self, boundaries, out_int32, right, out)
Status bucketize(Call& call) {
  const Tensor& boundaries = call.tensor(1);
  if (boundaries.rank() != 1) return invalid("boundaries of shape {}", to_string(boundaries.shape));
  return find_places(call, boundaries, call.scalar(0), call.boolean(3), nullptr, call.tensor(4));
}

/// (sorted, self, out_int32, right, side?, sorter?, out)
Status searchsorted(Call& call) {
  bool behind = call.boolean(3);
  if (call.has(4)) {
    if (call.string(4) != "left" && call.string(4) != "right") {
      return invalid("side \"{}\"; there are \"left\" and \"right\"", call.string(4));
    }
    if (behind && call.string(4) == "left") return invalid("both right and side \"left\"");
    behind = call.string(4) == "right";
  }
  return find_places(call, call.tensor(0), call.scalar(1), behind, call.optional_tensor(5),
                     call.tensor(6));
}

/// (self, bins, min, max, out): how many elements lie in each of equal intervals. Equal bounds mean
/// those of the elements.
Status histc(Call& call) {
  const Tensor& self = call.tensor(0);
  const int64_t bins = call.integer(1);
  Tensor& out = call.tensor(4);
  if (bins < 1 || bins > INT32_MAX) return invalid("{} intervals", bins);
  if (!is_float(self.dtype) || out.dtype != self.dtype) {
    return invalid("intervals of {} as {}", name(self.dtype), name(out.dtype));
  }
  SMELT_TRY(out.resize({bins}));
  SMELT_ASSIGN(int64_t * counts, call.scratch().take<int64_t>(size_t(bins)));
  std::fill_n(counts, bins, 0);
  return with_float(self.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, self));
    const size_t n = self.numel();
    C low = number<C>(call.scalar(2)), high = number<C>(call.scalar(3));
    if (low == high && n != 0) {
      low = high = x[0];
      for (size_t i = 1; i < n; ++i) low = smaller(x[i], low), high = larger(x[i], high);
    }
    if (low == high) low -= 1, high += 1;
    if (!std::isfinite(low) || !std::isfinite(high) || low > high) {
      return invalid("intervals from {} to {}", low, high);
    }
    for (size_t i = 0; i < n; ++i) {
      if (!(x[i] >= low && x[i] <= high)) continue;
      ++counts[std::min(int64_t((x[i] - low) * C(bins) / (high - low)), bins - 1)];
    }
    store_block(out.dtype, out.data, 1, size_t(bins), Compute::kS64, counts);
    return {};
  });
}

/// (self, weights?, minlength, out): how often each number from 0 on occurs, or its weights' sum.
Status bincount(Call& call) {
  const Tensor& self = call.tensor(0);
  const Tensor* weights = call.optional_tensor(1);
  Tensor& out = call.tensor(3);
  const bool fits = self.rank() == 1 && !is_float(self.dtype) && call.integer(2) >= 0 &&
                    (weights == nullptr || weights->shape == self.shape);
  if (!fits) return invalid("counts of {} {}", name(self.dtype), to_string(self.shape));
  SMELT_ASSIGN(const int64_t* x, elements<int64_t>(call, self));
  const size_t n = self.numel();
  int64_t size = call.integer(2);
  for (size_t i = 0; i < n; ++i) {
    if (x[i] < 0 || x[i] >= INT32_MAX) return invalid("counts of {}", x[i]);
    size = std::max(size, x[i] + 1);
  }
  SMELT_TRY(out.resize({size}));
  const Compute compute = weights == nullptr ? Compute::kS64 : Compute::kF64;
  return with_compute(compute, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(C * sums, call.scratch().take<C>(size_t(size)));
    std::fill_n(sums, size, C(0));
    for (size_t i = 0; i < n; ++i) {
      sums[x[i]] = add(
          sums[x[i]],
          weights == nullptr ? C(1) : load_element<C>(weights->dtype, weights->data, ptrdiff_t(i)));
    }
    store_block(out.dtype, out.data, 1, size_t(size), ComputeOf<C>::value, sums);
    return {};
  });
}

constexpr Operator kOperators[] = {
    {"aten::_unique2.out", "TBBBWWW", unique},
    {"aten::argsort.stable_out", "TBIBW", argsort, true},
    {"aten::bincount.out", "TtIW", bincount},
    {"aten::bucketize.Scalar_out", "STBBW", bucketize},
    {"aten::bucketize.Tensor_out", "TTBBW", bucketize},
    {"aten::histc.out", "TISSW", histc},
    {"aten::kthvalue.values", "TIIBWW", kthvalue, true},
    {"aten::median.dim_values", "TIBWW", median_dim<false>, true},
    {"aten::median.out", "TW", median<false>},
    {"aten::mode.values", "TIBWW", mode, true},
    {"aten::nanmedian.dim_values", "TIBWW", median_dim<true>, true},
    {"aten::nanmedian.out", "TW", median<true>},
    {"aten::searchsorted.Scalar_out", "TSBBztW", searchsorted},
    {"aten::searchsorted.Tensor_out", "TTBBztW", searchsorted},
    {"aten::sort.values", "TIBWW", sort, true},
    {"aten::sort.values_stable", "TbIBWW", sort_stable, true},
    {"aten::unique_consecutive.out", "TBBiWWW", unique_consecutive},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> ordering_operators() { return kTable; }

}  // namespace smelt::program
