// Tensors of indices, and the places that they name along one dimension of another tensor.
#pragma once

#include "program/operators/common.h"

namespace smelt::program {

inline Status check_index_type(const Tensor& t) {
  if (t.dtype == DType::kS64 || t.dtype == DType::kS32) return {};
  return invalid("indices of type {}", smelt::name(t.dtype));
}

inline int64_t index_at(const Tensor& t, size_t i) {
  return t.dtype == DType::kS64 ? t.as<int64_t>()[i] : int64_t(t.as<int32_t>()[i]);
}

/// Calls f(offset in self, offset in index, offset in other) for each element of `index`, where the
/// offset in self has dimension `dim` replaced by the index. All row-major; `other` is as large as
/// `index` or larger.
template <class F>
Status for_each_index(const Tensor& self, const Tensor& index, const Shape& other, size_t dim,
                      F f) {
  SMELT_TRY(check_index_type(index));
  // A scalar is a row of one.
  const auto at_least_1d = [](Shape s) {
    if (s.rank() == 0) s.push_back(1);
    return s;
  };
  const Shape self_shape = at_least_1d(self.shape), index_shape = at_least_1d(index.shape);
  const Shape other_shape = at_least_1d(other);
  bool fits = self_shape.rank() == index_shape.rank() && other_shape.rank() == index_shape.rank();
  for (size_t d = 0; fits && d < index_shape.rank(); ++d) {
    fits = (d == dim || index_shape[d] <= self_shape[d]) && index_shape[d] <= other_shape[d];
  }
  if (!fits && index.numel() != 0) {
    return invalid("indices of shape {} along dimension {} of {}", to_string(index.shape), dim,
                   to_string(self.shape));
  }
  if (index.numel() == 0) return {};
  const auto run = [&]<class I>(I) -> Status {
    const I* list = index.as<I>();
    const Shape self_strides = row_major_strides(self_shape);
    const Shape other_strides = row_major_strides(other_shape);
    const size_t last = index_shape.rank() - 1;
    const int64_t width = index_shape[last], extent = self_shape[dim], step = self_strides[dim];
    const int64_t along = dim == last ? 0 : 1;  // the last dimension is replaced, or walked through
    int64_t at[kMaxRank] = {};
    for (size_t i = 0, n = index.numel(); i < n;) {
      int64_t self_row = 0, other_row = 0;
      for (size_t d = 0; d < last; ++d) {
        self_row += d == dim ? 0 : at[d] * self_strides[d];
        other_row += at[d] * other_strides[d];
      }
      for (int64_t j = 0; j < width; ++j, ++i) {
        int64_t k = int64_t(list[i]);
        if (uint64_t(k) >= uint64_t(extent)) {
          SMELT_ASSIGN(k, checked_index(k, extent));
        }
        f(self_row + k * step + j * along, int64_t(i), other_row + j);
      }
      for (size_t d = last; d-- > 0;) {
        if (++at[d] < index_shape[d]) break;
        at[d] = 0;
      }
    }
    return {};
  };
  return index.dtype == DType::kS64 ? run(int64_t()) : run(int32_t());
}

}  // namespace smelt::program
