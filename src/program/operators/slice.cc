// Tensors cut into pieces and joined from pieces.
#include <algorithm>

#include "program/operators/copy.h"

namespace smelt::program {
namespace {

Status select_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(1), self));
  SMELT_ASSIGN(const int64_t index, checked_argument(call.integer(2), self.shape[dim]));
  Strided from(self);
  from.narrow(dim, index, 1);
  from.erase(dim);
  return copy_all(call, call.tensor(3), from);
}

/// What [start:end:step] means for a dimension: Python's rules.
struct Slice {
  int64_t start, length, step;
};
Result<Slice> slice_of(const Call& call, size_t start_arg, int64_t extent) {
  const int64_t step = call.integer(start_arg + 2);
  if (step <= 0) return invalid("a slice with step {}", step);
  const auto bound = [&](int64_t v) {
    return std::clamp<int64_t>(v < 0 ? v + extent : v, 0, extent);
  };
  const int64_t start = bound(call.integer_or(start_arg, 0));
  const int64_t end = bound(call.integer_or(start_arg + 1, extent));
  const int64_t span = std::max<int64_t>(end - start, 0);
  return Slice{start, span / step + (span % step != 0), step};
}
void apply_slice(Strided& t, size_t dim, const Slice& s) {
  if (s.length > 0) t.narrow(dim, s.start, s.length);
  t.shape[dim] = s.length;
  t.strides[dim] = s.length > 1 ? t.strides[dim] * s.step : t.strides[dim];
}

Status slice_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(1), self));
  SMELT_ASSIGN(const Slice slice, slice_of(call, 2, self.shape[dim]));
  Strided from(self);
  apply_slice(from, dim, slice);
  return copy_all(call, call.tensor(5), from);
}

Status slice_scatter(Call& call) {
  const Tensor &self = call.tensor(0), &src = call.tensor(1);
  Tensor& out = call.tensor(6);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(2), self));
  SMELT_ASSIGN(const Slice slice, slice_of(call, 3, self.shape[dim]));
  SMELT_TRY(out.resize(self.shape));
  if (out.data != self.data) copy(call, Strided(out), Strided(self));
  Strided to(out);
  apply_slice(to, dim, slice);
  if (!(src.shape == to.shape)) {
    return invalid("{} for a slice of shape {}", to_string(src.shape), to_string(to.shape));
  }
  copy(call, to, Strided(src));
  return {};
}

Status select_scatter(Call& call) {
  const Tensor &self = call.tensor(0), &src = call.tensor(1);
  Tensor& out = call.tensor(4);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(2), self));
  SMELT_ASSIGN(const int64_t index, checked_argument(call.integer(3), self.shape[dim]));
  SMELT_TRY(out.resize(self.shape));
  if (out.data != self.data) copy(call, Strided(out), Strided(self));
  Strided to(out);
  to.narrow(dim, index, 1);
  to.erase(dim);
  if (!(src.shape == to.shape)) {
    return invalid("{} for a selection of shape {}", to_string(src.shape), to_string(to.shape));
  }
  copy(call, to, Strided(src));
  return {};
}

Status narrow_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(1), self));
  const int64_t extent = self.shape[dim], length = call.integer(3);
  const int64_t start = call.integer(2) < 0 ? call.integer(2) + extent : call.integer(2);
  if (start < 0 || length < 0 || start > extent || length > extent - start) {
    return invalid("{} elements from {} on in a dimension of {}", length, call.integer(2), extent);
  }
  Strided from(self);
  from.narrow(dim, start, length);
  return copy_all(call, call.tensor(4), from);
}

Status cat(Call& call) {
  Tensor& out = call.tensor(2);
  const size_t n = call.list_size(0);
  if (n == 0) return invalid("nothing to concatenate");
  // PyTorch lets empty tensors of rank 1 stand for "nothing".
  const auto nothing = [](const Tensor& t) { return t.rank() == 1 && t.numel() == 0; };
  const Tensor* first = call.list_tensor(0, 0);
  for (size_t i = 0; i < n && nothing(*first); ++i) first = call.list_tensor(0, i);
  Shape shape = first->shape;
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(1), *first));
  int64_t total = 0;
  for (size_t i = 0; i < n; ++i) {
    const Tensor& t = *call.list_tensor(0, i);
    if (nothing(t)) continue;
    bool fits = t.rank() == shape.rank();
    for (size_t d = 0; fits && d < shape.rank(); ++d) fits = d == dim || t.shape[d] == shape[d];
    if (!fits) {
      return invalid("{} and {} do not join along dimension {}", to_string(shape),
                     to_string(t.shape), dim);
    }
    total += t.shape[dim];
  }
  shape[dim] = total;
  SMELT_TRY(out.resize(shape));
  int64_t at = 0;
  for (size_t i = 0; i < n; ++i) {
    const Tensor& t = *call.list_tensor(0, i);
    if (nothing(t)) continue;
    Strided to(out);
    to.narrow(dim, at, t.shape[dim]);
    copy(call, to, Strided(t));
    at += t.shape[dim];
  }
  return {};
}

Status stack(Call& call) {
  Tensor& out = call.tensor(2);
  const size_t n = call.list_size(0);
  if (n == 0) return invalid("nothing to stack");
  const Tensor& first = *call.list_tensor(0, 0);
  if (first.rank() == kMaxRank) return invalid("more than {} dimensions", kMaxRank);
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), first.rank() + 1));
  Strided whole(first);
  whole.insert(dim, int64_t(n), 0);
  SMELT_TRY(out.resize(whole.shape));
  for (size_t i = 0; i < n; ++i) {
    const Tensor& t = *call.list_tensor(0, i);
    if (!(t.shape == first.shape)) {
      return invalid("{} stacked on {}", to_string(t.shape), to_string(first.shape));
    }
    Strided to(out);
    to.narrow(dim, int64_t(i), 1);
    to.erase(dim);
    copy(call, to, Strided(t));
  }
  return {};
}

/// Cuts `self` along `dim` into pieces of `length(i)`, one per tensor of the list `outs`.
template <class Length>
Status split(Call& call, const Tensor& self, size_t dim, size_t outs, Length length) {
  int64_t at = 0;
  for (size_t i = 0; i < call.list_size(outs); ++i) {
    const int64_t piece = length(i);
    if (piece < 0 || piece > self.shape[dim] - at) {
      return invalid("a piece of {} at {} of a dimension of {}", piece, at, self.shape[dim]);
    }
    Strided from(self);
    from.narrow(dim, at, piece);
    SMELT_TRY(copy_all(call, *call.list_tensor(outs, i), from));
    at += piece;
  }
  if (at != self.shape[dim]) {
    return invalid("pieces of {} in all of a dimension of {}", at, self.shape[dim]);
  }
  return {};
}

Status split_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  const int64_t size = call.integer(1);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(2), self));
  if (size < 0) return invalid("pieces of {}", size);
  const int64_t extent = self.shape[dim];
  return split(call, self, dim, 3, [&](size_t i) {
    const auto begin = checked_mul(int64_t(i), size);
    return begin && *begin <= extent ? std::min(size, extent - *begin) : int64_t(0);
  });
}

Status split_with_sizes_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(2), self));
  const auto sizes = call.ints(1);
  if (sizes.size() != call.list_size(3)) {
    return invalid("{} sizes for {} pieces", sizes.size(), call.list_size(3));
  }
  return split(call, self, dim, 3, [&](size_t i) { return sizes[i]; });
}

Status unbind_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(1), self));
  if (int64_t(call.list_size(2)) != self.shape[dim]) {
    return invalid("{} tensors for a dimension of {}", call.list_size(2), self.shape[dim]);
  }
  for (size_t i = 0; i < call.list_size(2); ++i) {
    Strided from(self);
    from.narrow(dim, int64_t(i), 1);
    from.erase(dim);
    SMELT_TRY(copy_all(call, *call.list_tensor(2, i), from));
  }
  return {};
}

constexpr Operator kOperators[] = {
    moving({"aten::cat.out", "XIW", cat, true}),
    copying({"aten::narrow_copy.out", "TIIIW", narrow_copy, true}),
    copying({"aten::select_copy.int_out", "TIIW", select_copy, true}),
    moving({"aten::select_scatter.out", "TTIIW", select_scatter, true, false, true}),
    copying({"aten::slice_copy.Tensor_out", "TIiiIW", slice_copy, true}),
    moving({"aten::slice_scatter.out", "TTIiiIW", slice_scatter, true, false, true}),
    copying({"aten::split_copy.Tensor_out", "TIIY", split_copy, true}),
    copying({"aten::split_with_sizes_copy.out", "TLIY", split_with_sizes_copy, true}),
    moving({"aten::stack.out", "XIW", stack, true}),
    copying({"aten::unbind_copy.int_out", "TIY", unbind_copy, true}),
};
constexpr auto kTable = of_category(Category::kDataMovement, kOperators);

}  // namespace

std::span<const Operator> slice_operators() { return kTable; }

}  // namespace smelt::program
