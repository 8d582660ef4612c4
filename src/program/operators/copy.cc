// Copies: of everything, to another type or order, and of rearrangements that a view could express.
#include <algorithm>
#include <cstring>

#include "program/operators/common.h"

namespace smelt::program {
namespace {

/// Gives `out` the shape of `from` and its elements.
Status copy_all(Tensor& out, const Strided& from) {
  SMELT_TRY(out.resize(from.shape));
  copy(Strided(out), from);
  return {};
}

template <size_t Out>
Status clone(Call& call) {
  return copy_all(call.tensor(Out), Strided(call.tensor(0)));
}

/// copy.out(self, src): self gives the shape only.
Status copy_out(Call& call) {
  const Tensor &self = call.tensor(0), &src = call.tensor(1);
  Tensor& out = call.tensor(3);
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(self.shape, src.shape));
  if (!(shape == self.shape)) {
    return invalid("{} does not broadcast to {}", to_string(src.shape), to_string(self.shape));
  }
  return copy_all(out, broadcast(Strided(src), shape));
}

Status copy_in_place(Call& call) {
  Tensor& self = call.tensor(0);
  const Tensor& src = call.tensor(1);
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(self.shape, src.shape));
  if (!(shape == self.shape)) {
    return invalid("{} does not broadcast to {}", to_string(src.shape), to_string(self.shape));
  }
  copy(Strided(self), broadcast(Strided(src), shape));
  return {};
}

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
  return copy_all(call.tensor(3), broadcast(Strided(self), wanted));
}

Status view_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const Shape shape, inferred_shape(call.ints(1), self.shape));
  return copy_all(call.tensor(2), Strided(self.data, self.dtype, shape, row_major_strides(shape)));
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
  return copy_all(call.tensor(4), from);
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
  return copy_all(call.tensor(2), permuted(Strided(self), {perm, self.rank()}));
}

Status transpose(const Tensor& self, int64_t dim0, int64_t dim1, Tensor& out) {
  SMELT_ASSIGN(const size_t a, normalize_dim(dim0, self.rank()));
  SMELT_ASSIGN(const size_t b, normalize_dim(dim1, self.rank()));
  Strided from(self);
  if (self.rank() > 0) {
    std::swap(from.shape[a], from.shape[b]);
    std::swap(from.strides[a], from.strides[b]);
  }
  return copy_all(out, from);
}
Status transpose_copy(Call& call) {
  return transpose(call.tensor(0), call.integer(1), call.integer(2), call.tensor(3));
}
Status t_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  if (self.rank() > 2) return invalid("t of a tensor of rank {}", self.rank());
  return transpose(self, 0, self.rank() == 2 ? 1 : 0, call.tensor(1));
}

/// A dimension that exists: what cuts or selects needs one.
Result<size_t> real_dim(int64_t dim, const Tensor& t) {
  if (t.rank() == 0) return invalid("dimension {} of a tensor of rank 0", dim);
  return normalize_dim(dim, t.rank());
}

Status select_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(1), self));
  SMELT_ASSIGN(const int64_t index, checked_index(call.integer(2), self.shape[dim]));
  Strided from(self);
  from.narrow(dim, index, 1);
  from.erase(dim);
  return copy_all(call.tensor(3), from);
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
  return copy_all(call.tensor(5), from);
}

Status slice_scatter(Call& call) {
  const Tensor &self = call.tensor(0), &src = call.tensor(1);
  Tensor& out = call.tensor(6);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(2), self));
  SMELT_ASSIGN(const Slice slice, slice_of(call, 3, self.shape[dim]));
  SMELT_TRY(copy_all(out, Strided(self)));
  Strided to(out);
  apply_slice(to, dim, slice);
  if (!(src.shape == to.shape)) {
    return invalid("{} for a slice of shape {}", to_string(src.shape), to_string(to.shape));
  }
  copy(to, Strided(src));
  return {};
}

Status select_scatter(Call& call) {
  const Tensor &self = call.tensor(0), &src = call.tensor(1);
  Tensor& out = call.tensor(4);
  SMELT_ASSIGN(const size_t dim, real_dim(call.integer(2), self));
  SMELT_ASSIGN(const int64_t index, checked_index(call.integer(3), self.shape[dim]));
  SMELT_TRY(copy_all(out, Strided(self)));
  Strided to(out);
  to.narrow(dim, index, 1);
  to.erase(dim);
  if (!(src.shape == to.shape)) {
    return invalid("{} for a selection of shape {}", to_string(src.shape), to_string(to.shape));
  }
  copy(to, Strided(src));
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
  return copy_all(call.tensor(4), from);
}

Status unsqueeze_copy(Call& call) {
  const Tensor& self = call.tensor(0);
  if (self.rank() == kMaxRank) return invalid("more than {} dimensions", kMaxRank);
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), self.rank() + 1));
  Strided from(self);
  from.insert(dim, 1, 0);
  return copy_all(call.tensor(2), from);
}

/// Drops those of the listed dimensions that have one element.
Status squeeze(const Tensor& self, std::span<const int64_t> dims, bool all, Tensor& out) {
  SMELT_ASSIGN(const auto set, dimension_set(dims, self.rank(), all));
  Strided from(self);
  for (size_t d = self.rank(); d-- > 0;) {
    if (set[d] && from.shape[d] == 1) from.erase(d);
  }
  return copy_all(out, from);
}
Status squeeze_copy(Call& call) { return squeeze(call.tensor(0), {}, true, call.tensor(1)); }
Status squeeze_copy_dim(Call& call) {
  const int64_t dim = call.integer(1);
  return squeeze(call.tensor(0), {&dim, 1}, false, call.tensor(2));
}
Status squeeze_copy_dims(Call& call) {
  return squeeze(call.tensor(0), call.ints(1), false, call.tensor(2));
}

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
  return copy_all(call.tensor(4), from);
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
  return copy_all(call.tensor(4), from);
}

Status flip(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const auto set, dimension_set(call.ints(1), self.rank(), false));
  Strided from(self);
  for (size_t d = 0; d < self.rank(); ++d) {
    if (!set[d]) continue;
    if (from.shape[d] > 0) {
      from.data += (from.shape[d] - 1) * from.strides[d] * ptrdiff_t(element_size(self.dtype));
    }
    from.strides[d] = -from.strides[d];
  }
  return copy_all(call.tensor(2), from);
}

/// Without dimensions, rolls the tensor as one row.
Status roll(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto shifts = call.ints(1), dims = call.ints(2);
  Tensor& out = call.tensor(3);
  const bool flat = dims.empty();
  if (flat ? shifts.size() != 1 : shifts.size() != dims.size()) {
    return invalid("{} shifts for {} dimensions", shifts.size(), dims.size());
  }
  SMELT_TRY(out.resize(self.shape));
  const size_t n = self.numel();
  if (n == 0) return {};
  int64_t shift[kMaxRank] = {};
  Shape shape = self.shape;
  if (flat) shape = Shape{int64_t(n)};
  for (size_t i = 0; i < shifts.size(); ++i) {
    SMELT_ASSIGN(const size_t d, flat ? Result<size_t>(0) : real_dim(dims[i], self));
    const int64_t extent = shape[d];
    shift[d] = (shift[d] + shifts[i] % extent + extent) % extent;
  }
  const Strided from(self.data, self.dtype, shape, row_major_strides(shape));
  const Strided to(out.data, out.dtype, shape, row_major_strides(shape));
  // Each dimension falls into two parts; all combinations of parts are blocks that move as a whole.
  for (size_t parts = 0; parts < size_t(1) << shape.rank(); ++parts) {
    Strided source = from, target = to;
    bool any = true;
    for (size_t d = 0; any && d < shape.rank(); ++d) {
      const int64_t s = shift[d], head = shape[d] - s;
      const bool tail = (parts >> d & 1) != 0;
      any = (tail ? s : head) > 0;
      if (!any) break;
      source.narrow(d, tail ? head : 0, tail ? s : head);
      target.narrow(d, tail ? 0 : s, tail ? s : head);
    }
    if (any) copy(target, source);
  }
  return {};
}

Status repeat(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto repeats = call.ints(1);
  Tensor& out = call.tensor(2);
  if (repeats.size() < self.rank() || repeats.size() > kMaxRank) {
    return invalid("{} repeated by {} numbers", to_string(self.shape), repeats.size());
  }
  const size_t lead = repeats.size() - self.rank();
  Shape shape, wide;
  for (size_t d = 0; d < repeats.size(); ++d) {
    wide.push_back(d < lead ? 1 : self.shape[d - lead]);
    const auto extent = checked_mul(wide[d], repeats[d]);
    if (repeats[d] < 0 || !extent) return invalid("repeated {} times", repeats[d]);
    shape.push_back(*extent);
  }
  if (!checked_numel(shape)) return invalid("an impossible shape {}", to_string(shape));
  SMELT_TRY(out.resize(shape));
  if (shape.numel() == 0) return {};
  // One copy, then ever larger parts of the result onto themselves, dimension by dimension from the inside.
  Strided part(out);
  part.shape = wide;
  copy(part, broadcast(Strided(self), wide));
  for (size_t d = repeats.size(); d-- > 0;) {
    for (int64_t r = 1; r < repeats[d]; ++r) {
      Strided target = part;
      target.data += r * wide[d] * part.strides[d] * ptrdiff_t(element_size(out.dtype));
      copy(target, part);
    }
    part.shape[d] = shape[d];
  }
  return {};
}

/// repeats [n] → the index i repeats[i] times.
Status repeat_interleave(Call& call) {
  const Tensor& repeats = call.tensor(0);
  Tensor& out = call.tensor(2);
  if (repeats.rank() != 1 || !is_integer(repeats.dtype)) {
    return invalid("repeats of shape {} and type {}", to_string(repeats.shape),
                   smelt::name(repeats.dtype));
  }
  int64_t total = 0;
  for (size_t i = 0, n = repeats.numel(); i < n; ++i) {
    const int64_t r = load_element<int64_t>(repeats.dtype, repeats.data, ptrdiff_t(i));
    const auto sum = checked_add(total, r);
    if (r < 0 || !sum) return invalid("repeated {} times", r);
    total = *sum;
  }
  SMELT_TRY(out.resize(Shape{total}));
  ptrdiff_t at = 0;
  for (size_t i = 0, n = repeats.numel(); i < n; ++i) {
    const int64_t r = load_element<int64_t>(repeats.dtype, repeats.data, ptrdiff_t(i));
    for (int64_t k = 0; k < r; ++k) store_element(out.dtype, out.data, at++, int64_t(i));
  }
  return {};
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
    copy(to, Strided(t));
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
    copy(to, Strided(t));
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
    SMELT_TRY(copy_all(*call.list_tensor(outs, i), from));
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
    SMELT_TRY(copy_all(*call.list_tensor(2, i), from));
  }
  return {};
}

/// [.., C r², H, W] → [.., C, H r, W r].
Status pixel_shuffle(Call& call) {
  const Tensor& self = call.tensor(0);
  const int64_t r = call.integer(1);
  Tensor& out = call.tensor(2);
  if (self.rank() < 3 || r <= 0 || r > (int64_t(1) << 20) ||
      self.shape.back(2) % (r * r) != 0) {
    return invalid("{} shuffled by {}", to_string(self.shape), r);
  }
  const int64_t h = self.shape.back(1), w = self.shape.back(0), c = self.shape.back(2) / (r * r);
  const int64_t lead = int64_t(self.shape.numel(0, self.rank() - 3));
  Shape shape = self.shape;
  shape[self.rank() - 3] = c;
  shape[self.rank() - 2] = h * r;
  shape[self.rank() - 1] = w * r;
  SMELT_TRY(out.resize(shape));
  const Shape from{lead * c, r, r, h, w}, to{lead * c, h, r, w, r};
  constexpr size_t kPerm[] = {0, 3, 1, 4, 2};
  copy(Strided(out.data, out.dtype, to, row_major_strides(to)),
       permuted(Strided(self.data, self.dtype, from, row_major_strides(from)), kPerm));
  return {};
}

/// [.., C, H r, W r] → [.., C r², H, W].
Status pixel_unshuffle(Call& call) {
  const Tensor& self = call.tensor(0);
  const int64_t r = call.integer(1);
  Tensor& out = call.tensor(2);
  if (self.rank() < 3 || r <= 0 || r > (int64_t(1) << 20) || self.shape.back(0) % r != 0 ||
      self.shape.back(1) % r != 0) {
    return invalid("{} unshuffled by {}", to_string(self.shape), r);
  }
  const int64_t h = self.shape.back(1) / r, w = self.shape.back(0) / r, c = self.shape.back(2);
  const int64_t lead = int64_t(self.shape.numel(0, self.rank() - 3));
  Shape shape = self.shape;
  shape[self.rank() - 3] = c * r * r;
  shape[self.rank() - 2] = h;
  shape[self.rank() - 1] = w;
  SMELT_TRY(out.resize(shape));
  const Shape from{lead * c, h, r, w, r}, to{lead * c, r, r, h, w};
  constexpr size_t kPerm[] = {0, 2, 4, 1, 3};
  copy(Strided(out.data, out.dtype, to, row_major_strides(to)),
       permuted(Strided(self.data, self.dtype, from, row_major_strides(from)), kPerm));
  return {};
}

Status tril(Call& call) {
  const Tensor& self = call.tensor(0);
  const int64_t diagonal = call.integer(1);
  Tensor& out = call.tensor(2);
  if (self.rank() < 2) return invalid("a triangle of {}", to_string(self.shape));
  SMELT_TRY(copy_all(out, Strided(self)));
  const int64_t rows = self.shape.back(1), cols = self.shape.back(0);
  const size_t matrices = self.shape.numel(0, self.rank() - 2), size = element_size(out.dtype);
  for (size_t m = 0; m < matrices; ++m) {
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t limit = int64_t(uint64_t(r) + uint64_t(diagonal) + 1);
      const int64_t keep = std::clamp<int64_t>(limit, 0, cols);
      std::byte* row = out.data + (m * size_t(rows) + size_t(r)) * size_t(cols) * size;
      std::memset(row + size_t(keep) * size, 0, size_t(cols - keep) * size);
    }
  }
  return {};
}

constexpr Operator kOperators[] = {
    {"aten::_to_copy.out", "TBiW", clone<3>, true},
    {"aten::alias_copy.out", "TW", clone<1>, true},
    {"aten::clone.out", "TiW", clone<2>, true},
    {"aten::copy.out", "TTBW", copy_out, true},
    {"aten::copy_", "UTB", copy_in_place, true},
    {"aten::detach_copy.out", "TW", clone<1>, true},
    {"aten::lift_fresh_copy.out", "TW", clone<1>, true},
    {"dim_order_ops::_clone_dim_order.out", "TBlW", clone<3>, true},
    {"dim_order_ops::_to_dim_order_copy.out", "TBlW", clone<3>, true},
    {"et_copy::_d2h_copy.out", "TW", clone<1>, true},
    {"et_copy::_h2d_copy.out", "TW", clone<1>, true},
};

}  // namespace

std::span<const Operator> copy_operators() { return kOperators; }

namespace {

constexpr Operator kShapeOperators[] = {
    {"aten::as_strided_copy.out", "TLLiW", as_strided_copy},
    {"aten::cat.out", "XIW", cat, true},
    {"aten::diagonal_copy.out", "TIIIW", diagonal_copy, true},
    {"aten::expand_copy.out", "TLBW", expand_copy, true},
    {"aten::flip.out", "TLW", flip, true},
    {"aten::narrow_copy.out", "TIIIW", narrow_copy, true},
    {"aten::permute_copy.out", "TLW", permute_copy, true},
    {"aten::pixel_shuffle.out", "TIW", pixel_shuffle},
    {"aten::pixel_unshuffle.out", "TIW", pixel_unshuffle},
    {"aten::repeat.out", "TLW", repeat, true},
    {"aten::repeat_interleave.Tensor_out", "TiW", repeat_interleave},
    {"aten::roll.out", "TLLW", roll},
    {"aten::select_copy.int_out", "TIIW", select_copy, true},
    {"aten::select_scatter.out", "TTIIW", select_scatter, true},
    {"aten::slice_copy.Tensor_out", "TIiiIW", slice_copy, true},
    {"aten::slice_scatter.out", "TTIiiIW", slice_scatter, true},
    {"aten::split_copy.Tensor_out", "TIIY", split_copy, true},
    {"aten::split_with_sizes_copy.out", "TLIY", split_with_sizes_copy, true},
    {"aten::squeeze_copy.dim_out", "TIW", squeeze_copy_dim, true},
    {"aten::squeeze_copy.dims_out", "TLW", squeeze_copy_dims, true},
    {"aten::squeeze_copy.out", "TW", squeeze_copy, true},
    {"aten::stack.out", "XIW", stack, true},
    {"aten::t_copy.out", "TW", t_copy, true},
    {"aten::transpose_copy.int_out", "TIIW", transpose_copy, true},
    {"aten::tril.out", "TIW", tril},
    {"aten::unbind_copy.int_out", "TIY", unbind_copy, true},
    {"aten::unfold_copy.out", "TIIIW", unfold_copy, true},
    {"aten::unsqueeze_copy.out", "TIW", unsqueeze_copy, true},
    {"aten::view_copy.out", "TLW", view_copy},
};

}  // namespace

std::span<const Operator> shape_operators() { return kShapeOperators; }

}  // namespace smelt::program
