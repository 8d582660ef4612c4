// References that work along rows of a tensor.
#pragma once

#include "operator_cases.h"

namespace smelt::program::testing {

/// The rows of a tensor along some dimensions: for each element of the result, in order, what goes
/// into it.
struct Rows {
  Shape shape;
  std::vector<Values> rows;
};

/// Dimensions may be negative; none: all, or indeed none.
inline Rows rows_of(const Array& x, const std::vector<int64_t>& dims, bool keep,
                    bool empty_is_all = true) {
  const size_t rank = x.shape.rank();
  std::vector<bool> reduced(rank, dims.empty() && empty_is_all);
  for (const int64_t d : dims) {
    if (rank != 0) reduced[size_t(d < 0 ? d + int64_t(rank) : d)] = true;
  }
  Shape kept, result;
  for (size_t d = 0; d < rank; ++d) {
    kept.push_back(reduced[d] ? 1 : x.shape[d]);
    if (keep || !reduced[d]) result.push_back(kept[d]);
  }
  Rows r{result, std::vector<Values>(result.numel())};
  for_each_index(x.shape, [&](const Index& i) {
    size_t at = 0;
    for (size_t d = 0; d < rank; ++d) {
      at = at * size_t(kept[d]) + size_t(reduced[d] ? 0 : i[d]);
    }
    r.rows[at].push_back(x(i));
  });
  return r;
}

/// f maps the elements along a dimension to as many, or to other numbers of them.
template <class F>
Array map_rows(const Array& x, int64_t dim, DType out, F f) {
  const size_t rank = x.shape.rank(), d = size_t(dim < 0 ? dim + int64_t(rank) : dim);
  std::vector<Values> rows = rows_of(x, {dim}, true).rows;
  for (Values& row : rows) row = f(row);
  Array wanted(out, x.shape, {});
  if (rank != 0 && !rows.empty()) wanted.shape[d] = int64_t(rows[0].size());
  wanted.v.resize(wanted.shape.numel());
  // Back to where they came from, in the order rows_of took them.
  std::vector<size_t> taken(rows.size());
  for_each_index(wanted.shape, [&](const Index& i) {
    size_t at = 0;
    for (size_t k = 0; k < rank; ++k) {
      if (k != d) at = at * size_t(x.shape[k]) + size_t(i[k]);
    }
    wanted(i) = stored(out, rows[at][taken[at]++]);
  });
  return wanted;
}

}  // namespace smelt::program::testing
