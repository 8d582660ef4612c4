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
  const Shape self_strides = row_major_strides(self_shape);
  const Shape other_strides = row_major_strides(other_shape);
  int64_t at[kMaxRank] = {};
  for (size_t i = 0, n = index.numel(); i < n; ++i) {
    SMELT_ASSIGN(const int64_t k, checked_index(index_at(index, i), self_shape[dim]));
    int64_t self_offset = 0, other_offset = 0;
    for (size_t d = 0; d < index_shape.rank(); ++d) {
      self_offset += (d == dim ? k : at[d]) * self_strides[d];
      other_offset += at[d] * other_strides[d];
    }
    f(self_offset, int64_t(i), other_offset);
    for (size_t d = index_shape.rank(); d-- > 0;) {
      if (++at[d] < index_shape[d]) break;
      at[d] = 0;
    }
  }
  return {};
}

}  // namespace smelt::program
