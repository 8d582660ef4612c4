// Copies of what could be a view: the same elements under other shapes and strides.
#include <algorithm>

#include "program/operators/copy.h"

namespace smelt::program {
namespace {

Status expand_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto sizes = call.ints(1);
  if (sizes.size() > kMaxRank || sizes.size() < self.rank()) {
    return invalid("{} expanded to {} dimensions", to_string(self.shape), sizes.size());
  }
  Shape wanted(sizes);
  const size_t lead = sizes.size() - self.rank();
  for (size_t i = 0; i < wanted.rank(); ++i) {
    const int64_t have = i < lead ? 1 : self.shape[i - lead];
    if (wanted[i] == -1 && i >= lead) wanted[i] = have;
    if (wanted[i] < 0 || (have != 1 && have != wanted[i])) {
      return invalid("{} expanded to {}", to_string(self.shape), to_string(Shape(sizes)));
    }
  }
  if (!checked_numel(wanted)) return invalid("an impossible shape {}", to_string(wanted));
  return copy_all(call, call.tensor(3), broadcast(Strided(self), wanted));
}

Status view_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const Shape shape, inferred_shape(call.ints(1), self.shape));
  return copy_all(call, call.tensor(2),
                  Strided(self.data, self.dtype, shape, row_major_strides(shape)));
}

Status as_strided_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto sizes = call.ints(1), strides = call.ints(2);
  SMELT_ASSIGN(const Shape shape, to_shape(sizes));
  if (sizes.size() != strides.size()) {
    return invalid("{} sizes and {} strides", sizes.size(), strides.size());
  }
  const int64_t offset = call.integer_or(3, 0), count = int64_t(self.numel());
  // The last element that is reached; everything before it exists too.
  int64_t last = offset;
  bool inside = offset >= 0 && offset < count;
  for (size_t i = 0; inside && i < shape.rank(); ++i) {
    const auto span = checked_mul(std::max<int64_t>(shape[i] - 1, 0), strides[i]);
    const auto sum = span ? checked_add(last, *span) : std::nullopt;
    inside = strides[i] >= 0 && sum && *sum < count;
    if (inside) last = *sum;
  }
  if (!inside && shape.numel() != 0) {
    return invalid("sizes {} with strides {} from element {} reach beyond {} elements",
                   to_string(shape), to_string(Shape(strides)), offset, count);
  }
  Strided from(Strided(self.data, self.dtype, shape, Shape(strides)));
  if (shape.numel() != 0) from.data += offset * int64_t(element_size(self.dtype));
  return copy_all(call, call.tensor(4), from);
}

Status permute_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto dims = call.ints(1);
  if (dims.size() != self.rank()) {
    return invalid("{} dimensions permuted by {}", self.rank(), dims.size());
  }
  size_t perm[kMaxRank];
  SMELT_TRY(dimension_set(dims, self.rank(), false));
  for (size_t i = 0; i < dims.size(); ++i) {
    SMELT_ASSIGN(perm[i], normalize_dim(dims[i], self.rank()));
  }
  return copy_all(call, call.tensor(2), permuted(Strided(self), {perm, self.rank()}));
}

Status transpose(Call& call, int64_t dim0, int64_t dim1, Tensor& out) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const size_t a, normalize_dim(dim0, self.rank()));
  SMELT_ASSIGN(const size_t b, normalize_dim(dim1, self.rank()));
  Strided from(self);
  if (self.rank() > 0) {
    std::swap(from.shape[a], from.shape[b]);
    std::swap(from.strides[a], from.strides[b]);
  }
  return copy_all(call, out, from);
}
Status transpose_copy(Call& call) {
  return transpose(call, call.integer(1), call.integer(2), call.tensor(3));
}
Status t_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  if (self.rank() > 2) return invalid("t of a tensor of rank {}", self.rank());
  return transpose(call, 0, self.rank() == 2 ? 1 : 0, call.tensor(1));
}

Status unsqueeze_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  if (self.rank() == kMaxRank) return invalid("more than {} dimensions", kMaxRank);
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), self.rank() + 1));
  Strided from(self);
  from.insert(dim, 1, 0);
  return copy_all(call, call.tensor(2), from);
}

/// Drops those of the listed dimensions that have one element.
Status squeeze(Call& call, std::span<const int64_t> dims, bool all, Tensor& out) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const auto set, dimension_set(dims, self.rank(), all));
  Strided from(self);
  for (size_t d = self.rank(); d-- > 0;) {
    if (set[d] && from.shape[d] == 1) from.erase(d);
  }
  return copy_all(call, out, from);
}
Status squeeze_copy(Call& call) { return squeeze(call, {}, true, call.tensor(1)); }
Status squeeze_copy_dim(Call& call) {
  const int64_t dim = call.integer(1);
  return squeeze(call, {&dim, 1}, false, call.tensor(2));
}
Status squeeze_copy_dims(Call& call) { return squeeze(call, call.ints(1), false, call.tensor(2)); }

Status diagonal_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  const int64_t offset = call.integer(1);
  SMELT_ASSIGN(const size_t a, real_dim(call.integer(2), self));
  SMELT_ASSIGN(const size_t b, real_dim(call.integer(3), self));
  if (a == b) return invalid("the diagonal of dimension {} and itself", a);
  Strided from(self);
  const int64_t rows = self.shape[a], cols = self.shape[b];
  int64_t length = 0;
  if (offset >= 0 && offset < cols) {
    length = std::min(rows, cols - offset);
    if (length > 0) from.narrow(b, offset, 1);
  } else if (offset < 0 && offset > -rows) {
    length = std::min(rows + offset, cols);
    if (length > 0) from.narrow(a, -offset, 1);
  }
  const int64_t stride = self.strides[a] + self.strides[b];
  from.erase(std::max(a, b));
  from.erase(std::min(a, b));
  from.insert(from.shape.rank(), length, stride);
  return copy_all(call, call.tensor(4), from);
}

Status unfold_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  const int64_t size = call.integer(2), step = call.integer(3);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(1), self));
  const int64_t extent = self.shape[dim];
  if (size < 0 || size > extent || step <= 0 || self.rank() == kMaxRank) {
    return invalid("windows of {} in steps of {} over a dimension of {}", size, step, extent);
  }
  Strided from(self);
  const int64_t stride = from.strides[dim];
  from.shape[dim] = (extent - size) / step + 1;
  from.strides[dim] = from.shape[dim] > 1 ? stride * step : stride;
  from.insert(from.shape.rank(), size, stride);
  return copy_all(call, call.tensor(4), from);
}

constexpr Operator kOperators[] = {
    copying({"aten::as_strided_copy.out", "TLLiW", as_strided_copy}),
    copying({"aten::diagonal_copy.out", "TIIIW", diagonal_copy, true}),
    copying({"aten::expand_copy.out", "TLBW", expand_copy, true}),
    copying({"aten::permute_copy.out", "TLW", permute_copy, true}),
    copying({"aten::squeeze_copy.dim_out", "TIW", squeeze_copy_dim, true}),
    copying({"aten::squeeze_copy.dims_out", "TLW", squeeze_copy_dims, true}),
    copying({"aten::squeeze_copy.out", "TW", squeeze_copy, true}),
    copying({"aten::t_copy.out", "TW", t_copy, true}),
    copying({"aten::transpose_copy.int_out", "TIIW", transpose_copy, true}),
    copying({"aten::unfold_copy.out", "TIIIW", unfold_copy, true}),
    copying({"aten::unsqueeze_copy.out", "TIW", unsqueeze_copy, true}),
    copying({"aten::view_copy.out", "TLW", view_copy}),
};
constexpr auto kTable = of_category(Category::kDataMovement, kOperators);

}  // namespace

std::span<const Operator> view_operators() { return kTable; }

}  // namespace smelt::program
