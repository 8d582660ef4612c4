// Elements chosen by tensors of indices or of flags.
#include <algorithm>
#include <cstring>
#include <optional>

#include "program/operators/index_places.h"
#include "program/operators/selected_runs.h"

namespace smelt::program {
namespace {

// ---- index, index_put

/// What a list of index tensors selects of a tensor: PyTorch's advanced indexing. Flags have become
/// indices.
struct Selection {
  size_t count = 0;                  ///< dimensions that are indexed
  std::array<size_t, kMaxRank> dim;  ///< which
  std::array<const int64_t*, kMaxRank> index;
  std::array<Shape, kMaxRank> index_shape;
  Shape common;          ///< what the indices broadcast to
  size_t common_at = 0;  ///< where those dimensions go in the result
  Shape shape;           ///< of the result
};

/// Reads the indices into scratch memory and checks them against `self`.
Result<Selection> select(Call& call, const Tensor& self, size_t list) {
  Selection s;
  size_t dim = 0;
  bool adjacent = true;
  const auto add = [&](const int64_t* index, const Shape& shape) -> Status {
    if (s.count > 0 && s.dim[s.count - 1] + 1 != dim) adjacent = false;
    s.dim[s.count] = dim;
    s.index[s.count] = index;
    s.index_shape[s.count++] = shape;
    SMELT_ASSIGN(s.common, broadcast_shapes(s.common, shape));
    ++dim;
    return {};
  };
  for (size_t i = 0; i < call.list_size(list); ++i) {
    const Tensor* t = call.list_tensor(list, i);
    if (t == nullptr) {
      ++dim;
      continue;
    }
    if (t->dtype == DType::kBool || t->dtype == DType::kU8) {
      // A mask stands for as many indices as it has dimensions: the positions of its true elements.
      bool fits = t->rank() > 0 && dim + t->rank() <= self.rank();
      for (size_t d = 0; fits && d < t->rank(); ++d) fits = t->shape[d] == self.shape[dim + d];
      if (!fits) {
        return invalid("a mask of shape {} at dimension {} of {}", to_string(t->shape), dim,
                       to_string(self.shape));
      }
      const auto* flags = t->as<uint8_t>();
      const size_t n = t->numel();
      const size_t found = n - size_t(std::count(flags, flags + n, 0));
      SMELT_ASSIGN(int64_t * positions, call.scratch().take<int64_t>(found * t->rank()));
      size_t at = 0;
      for (size_t k = 0; k < n; ++k) {
        if (!flags[k]) continue;
        size_t rest = k;
        for (size_t d = t->rank(); d-- > 0;) {
          positions[d * found + at] = int64_t(rest % size_t(t->shape[d]));
          rest /= size_t(t->shape[d]);
        }
        ++at;
      }
      for (size_t d = 0; d < t->rank(); ++d) {
        SMELT_TRY(add(positions + d * found, Shape{int64_t(found)}));
      }
      continue;
    }
    SMELT_TRY(check_index_type(*t));
    if (dim >= self.rank()) {
      return invalid("more indices than the {} dimensions of {}", self.rank(),
                     to_string(self.shape));
    }
    const size_t n = t->numel();
    SMELT_ASSIGN(int64_t * index, call.scratch().take<int64_t>(n));
    for (size_t k = 0; k < n; ++k) {
      SMELT_ASSIGN(index[k], checked_index(index_at(*t, k), self.shape[dim]));
    }
    SMELT_TRY(add(index, t->shape));
  }
  if (dim > self.rank()) {
    return invalid("{} indices for the {} dimensions of {}", dim, self.rank(),
                   to_string(self.shape));
  }
  // Where the indexed dimensions are neighbours the result has the common ones in their place,
  // otherwise in front.
  s.common_at = adjacent && s.count > 0 ? s.dim[0] : 0;
  if (self.rank() - s.count + s.common.rank() > kMaxRank) {
    return invalid("more than {} dimensions", kMaxRank);
  }
  size_t next = 0;
  const auto append_common = [&] {
    for (const int64_t d : s.common) s.shape.push_back(d);
  };
  for (size_t d = 0; d < self.rank(); ++d) {
    if (s.shape.rank() == s.common_at && next == 0) append_common(), next = 1;
    const bool indexed =
        std::find(s.dim.begin(), s.dim.begin() + s.count, d) != s.dim.begin() + ptrdiff_t(s.count);
    if (!indexed) s.shape.push_back(self.shape[d]);
  }
  if (next == 0) append_common();
  return s;
}

/// Calls f(part of self, part of the result) for every index tuple; both parts have the shape of
/// what is not indexed.
template <class F>
void for_each_selected(const Selection& s, const Strided& self, const Strided& result, F f) {
  Strided part = self, place = result;
  for (size_t k = s.count; k-- > 0;) part.erase(s.dim[k]);
  for (size_t k = s.common.rank(); k-- > 0;) place.erase(s.common_at + k);
  const ptrdiff_t size = ptrdiff_t(element_size(self.dtype));
  const ptrdiff_t result_size = ptrdiff_t(element_size(result.dtype));
  int64_t at[kMaxRank] = {};
  for (size_t n = s.common.numel(); n > 0; --n) {
    part.data = self.data;
    for (size_t k = 0; k < s.count; ++k) {
      const Shape& shape = s.index_shape[k];
      const size_t lead = s.common.rank() - shape.rank();
      int64_t linear = 0;
      for (size_t d = 0; d < shape.rank(); ++d) {
        linear = linear * shape[d] + (shape[d] == 1 ? 0 : at[lead + d]);
      }
      part.data += s.index[k][linear] * self.strides[s.dim[k]] * size;
    }
    place.data = result.data;
    for (size_t d = 0; d < s.common.rank(); ++d) {
      place.data += at[d] * result.strides[s.common_at + d] * result_size;
    }
    f(part, place);
    for (size_t d = s.common.rank(); d-- > 0;) {
      if (++at[d] < s.common[d]) break;
      at[d] = 0;
    }
  }
}

/// The selection as runs of a row-major tensor, if its indexed dimensions are neighbours.
Result<std::optional<SelectedRuns>> runs_of(Call& call, const Selection& s, const Tensor& self) {
  if (s.count == 0 || s.dim[s.count - 1] - s.dim[0] + 1 != s.count) return std::nullopt;
  const size_t first = s.dim[0], end = first + s.count;
  SelectedRuns r;
  r.lead = self.shape.numel(0, first);
  r.block = self.shape.numel(first, self.rank());
  r.tail = self.shape.numel(end, self.rank());
  r.count = s.common.numel();
  r.width = s.common.rank() == 0 ? 1 : size_t(s.common.back());
  SMELT_ASSIGN(int64_t * offsets, call.scratch().take<int64_t>(r.count));
  std::fill_n(offsets, r.count, 0);
  for (size_t k = 0; k < s.count; ++k) {
    const int64_t step = int64_t(self.shape.numel(s.dim[k] + 1, self.rank()));
    const Shape& shape = s.index_shape[k];
    const size_t lead = s.common.rank() - shape.rank();
    const bool inner = shape.rank() > 0 && shape.back() != 1;
    int64_t at[kMaxRank] = {};
    for (size_t row = 0; row < r.count; row += r.width) {
      int64_t linear = 0;
      for (size_t d = 0; d < shape.rank(); ++d) {
        linear = linear * shape[d] + (shape[d] == 1 ? 0 : at[lead + d]);
      }
      const int64_t* index = s.index[k] + linear;
      for (size_t i = 0; i < r.width; ++i) offsets[row + i] += index[inner ? i : 0] * step;
      for (size_t d = std::max<size_t>(s.common.rank(), 1) - 1; d-- > 0;) {
        if (++at[d] < s.common[d]) break;
        at[d] = 0;
      }
    }
  }
  r.offsets = offsets;
  return r;
}

Status index(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(2);
  SMELT_ASSIGN(const Selection s, select(call, self, 1));
  SMELT_TRY(out.resize(s.shape));
  if (out.numel() == 0) return {};
  if (out.dtype == self.dtype) {
    SMELT_ASSIGN(const auto runs, runs_of(call, s, self));
    if (runs) return gather_runs(call, *runs, element_size(self.dtype), self.data, out.data);
  }
  for_each_selected(s, Strided(self), Strided(out),
                    [&](const Strided& part, const Strided& place) { copy(call, place, part); });
  return {};
}

template <class C>
void add_block(const void* const* in, void* out, size_t n, const void*) {
  const C* a = static_cast<const C*>(in[0]);
  const C* b = static_cast<const C*>(in[1]);
  for (size_t i = 0; i < n; ++i) static_cast<C*>(out)[i] = add(a[i], b[i]);
}

/// to += from, element by element.
void accumulate(const Machine& machine, const Strided& to, const Strided& from) {
  with_compute(compute_of(to.dtype), [&]<class C>(C) {
    const Strided in[] = {to, from};
    map(machine, ComputeOf<C>::value, to, in, add_block<C>, nullptr);
  });
}

/// Adds the runs of values to their places, in order.
template <class C>
void add_runs(const SelectedRuns& r, const C* values, C* to) {
  for (size_t l = 0; l < r.lead; ++l, to += r.block) {
    for (size_t i = 0; i < r.count; ++i, values += r.tail) {
      C* run = to + r.offsets[i];
      for (size_t k = 0; k < r.tail; ++k) run[k] = add(run[k], values[k]);
    }
  }
}

Status put(Call& call, Tensor& target, size_t list, const Tensor& values, bool sum) {
  SMELT_ASSIGN(const Selection s, select(call, target, list));
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(values.shape, s.shape));
  if (!(shape == s.shape)) {
    return invalid("values of shape {} for a selection of shape {}", to_string(values.shape),
                   to_string(s.shape));
  }
  if (values.dtype != target.dtype) {
    return invalid("values of {} for a tensor of {}", smelt::name(values.dtype),
                   smelt::name(target.dtype));
  }
  if (values.shape == s.shape && values.numel() != 0) {
    SMELT_ASSIGN(const auto runs, runs_of(call, s, target));
    if (runs && !sum) {
      scatter_runs(*runs, element_size(target.dtype), values.data, target.data);
      return {};
    }
    if (runs && target.dtype == native(compute_of(target.dtype))) {
      with_compute(compute_of(target.dtype),
                   [&]<class C>(C) { add_runs(*runs, values.as<C>(), target.as<C>()); });
      return {};
    }
  }
  for_each_selected(s, Strided(target), broadcast(Strided(values), shape),
                    [&](const Strided& part, const Strided& value) {
                      if (sum) {
                        accumulate(call, part, value);
                      } else {
                        copy(call, part, value);
                      }
                    });
  return {};
}

Status index_put(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(4);
  SMELT_TRY(out.resize(self.shape));
  if (out.data != self.data) copy(call, Strided(out), Strided(self));
  return put(call, out, 1, call.tensor(2), call.boolean(3));
}

Status index_put_in_place(Call& call) {
  return put(call, call.tensor(0), 1, call.tensor(2), call.boolean(3));
}

// ---- along one dimension

Status index_select(Call& call) {
  const Tensor &self = call.tensor(0), &indices = call.tensor(2);
  Tensor& out = call.tensor(3);
  SMELT_TRY(check_index_type(indices));
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), self.rank()));
  if (indices.rank() > 1) return invalid("indices of shape {}", to_string(indices.shape));
  if (out.dtype != self.dtype) {
    return invalid("{} selected as {}", smelt::name(self.dtype), smelt::name(out.dtype));
  }
  Shape whole = self.shape;
  if (self.rank() == 0) whole.push_back(1);
  Shape shape = whole;
  shape[dim] = int64_t(indices.numel());
  SMELT_TRY(out.resize(self.rank() == 0 ? Shape() : shape));
  SelectedRuns r;
  r.lead = whole.numel(0, dim);
  r.block = whole.numel(dim, whole.rank());
  r.tail = whole.numel(dim + 1, whole.rank());
  r.count = r.width = indices.numel();
  SMELT_ASSIGN(int64_t * offsets, call.scratch().take<int64_t>(r.count));
  for (size_t i = 0; i < r.count; ++i) {
    SMELT_ASSIGN(const int64_t k, checked_index(index_at(indices, i), whole[dim]));
    offsets[i] = k * int64_t(r.tail);
  }
  r.offsets = offsets;
  return gather_runs(call, r, element_size(self.dtype), self.data, out.data);
}

Status gather(Call& call) {
  const Tensor &self = call.tensor(0), &index = call.tensor(2);
  Tensor& out = call.tensor(4);
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), self.rank()));
  SMELT_TRY(out.resize(index.shape));
  if (out.dtype != self.dtype) {
    return invalid("{} gathered as {}", smelt::name(self.dtype), smelt::name(out.dtype));
  }
  return with_bytes_of(element_size(self.dtype), [&]<class T>(T) {
    return for_each_index(self, index, index.shape, dim, [&](int64_t from, int64_t to, int64_t) {
      out.as<T>()[to] = self.as<T>()[from];
    });
  });
}

/// Copies self, then calls write(offset in out, offset in source) for each index.
template <class Write>
Status scatter(Call& call, const Shape* source, size_t out_index, Write write) {
  const Tensor &self = call.tensor(0), &index = call.tensor(2);
  Tensor& out = call.tensor(out_index);
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), self.rank()));
  SMELT_TRY(out.resize(self.shape));
  if (out.dtype != self.dtype) {
    return invalid("{} scattered into {}", smelt::name(self.dtype), smelt::name(out.dtype));
  }
  copy(call, Strided(out), Strided(self));
  return for_each_index(self, index, source ? *source : index.shape, dim,
                        [&](int64_t to, int64_t, int64_t from) { write(to, from); });
}

Status scatter_src(Call& call) {
  const Tensor& src = call.tensor(3);
  const Tensor& out = call.tensor(4);
  if (src.dtype != out.dtype) {
    return invalid("{} scattered into {}", smelt::name(src.dtype), smelt::name(out.dtype));
  }
  return with_bytes_of(element_size(src.dtype), [&]<class T>(T) {
    return scatter(call, &src.shape, 4,
                   [&](int64_t to, int64_t from) { out.as<T>()[to] = src.as<T>()[from]; });
  });
}

Status scatter_value(Call& call) {
  const Tensor& out = call.tensor(4);
  const EValue& value = call.scalar(3);
  return scatter(call, nullptr, 4, [&](int64_t to, int64_t) {
    if (value.kind == Kind::kDouble) {
      store_element(out.dtype, out.data, to, value.real);
    } else {
      store_element(out.dtype, out.data, to, value.to_int());
    }
  });
}

Status scatter_add(Call& call) {
  const Tensor& src = call.tensor(3);
  const Tensor& out = call.tensor(4);
  return with_compute(compute_of(out.dtype), [&]<class C>(C) {
    if (out.dtype == native(ComputeOf<C>::value) && src.dtype == out.dtype) {
      return scatter(call, &src.shape, 4, [&](int64_t to, int64_t from) {
        out.as<C>()[to] = add(out.as<C>()[to], src.as<C>()[from]);
      });
    }
    return scatter(call, &src.shape, 4, [&](int64_t to, int64_t from) {
      const C sum =
          add(load_element<C>(out.dtype, out.data, to), load_element<C>(src.dtype, src.data, from));
      store_element(out.dtype, out.data, to, sum);
    });
  });
}

/// weight [n, d], indices [..] → [.., d].
Status embedding(Call& call) {
  const Tensor &weight = call.tensor(0), &indices = call.tensor(1);
  Tensor& out = call.tensor(5);
  SMELT_TRY(check_index_type(indices));
  if (weight.rank() != 2 || indices.rank() == kMaxRank || out.dtype != weight.dtype) {
    return invalid("embeddings of shape {} and type {} as {}", to_string(weight.shape),
                   smelt::name(weight.dtype), smelt::name(out.dtype));
  }
  Shape shape = indices.shape;
  shape.push_back(weight.shape[1]);
  SMELT_TRY(out.resize(shape));
  const size_t row = size_t(weight.shape[1]) * element_size(weight.dtype);
  for (size_t i = 0, n = indices.numel(); i < n; ++i) {
    SMELT_ASSIGN(const int64_t k, checked_index(index_at(indices, i), weight.shape[0]));
    std::memcpy(out.data + i * row, weight.data + size_t(k) * row, row);
  }
  return {};
}

// ---- by flags

Status check_mask(const Tensor& t) {
  if (t.dtype == DType::kBool || t.dtype == DType::kU8) return {};
  return invalid("a mask of {}", smelt::name(t.dtype));
}

/// The elements of `t` broadcast to `shape`, dense.
Result<const std::byte*> expanded(Call& call, const Tensor& t, const Shape& shape) {
  if (t.shape == shape) return t.data;
  SMELT_ASSIGN(std::byte * p, call.scratch().take(shape.numel() * element_size(t.dtype)));
  copy(call, Strided(p, t.dtype, shape, row_major_strides(shape)), broadcast(Strided(t), shape));
  return p;
}

Status masked_select(Call& call) {
  const Tensor &self = call.tensor(0), &mask = call.tensor(1);
  Tensor& out = call.tensor(2);
  SMELT_TRY(check_mask(mask));
  if (out.dtype != self.dtype) {
    return invalid("{} selected as {}", smelt::name(self.dtype), smelt::name(out.dtype));
  }
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(self.shape, mask.shape));
  SMELT_ASSIGN(const std::byte* from, expanded(call, self, shape));
  SMELT_ASSIGN(const std::byte* flags, expanded(call, mask, shape));
  const size_t n = shape.numel();
  const size_t found = n - size_t(std::count(flags, flags + n, std::byte(0)));
  SMELT_TRY(out.resize(Shape{int64_t(found)}));
  const size_t size = element_size(self.dtype);
  std::byte* to = out.data;
  for (size_t i = 0; i < n; ++i) {
    if (flags[i] == std::byte(0)) continue;
    std::memcpy(to, from + i * size, size);
    to += size;
  }
  return {};
}

/// Where the mask is true, the next element of `source`.
Status masked_scatter(Call& call) {
  const Tensor &self = call.tensor(0), &mask = call.tensor(1), &source = call.tensor(2);
  Tensor& out = call.tensor(3);
  SMELT_TRY(check_mask(mask));
  if (source.dtype != self.dtype || out.dtype != self.dtype) {
    return invalid("{} scattered into {}", smelt::name(source.dtype), smelt::name(self.dtype));
  }
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(self.shape, mask.shape));
  SMELT_TRY(out.resize(shape));
  SMELT_ASSIGN(const std::byte* flags, expanded(call, mask, shape));
  copy(call, Strided(out), broadcast(Strided(self), shape));
  const size_t size = element_size(self.dtype), available = source.numel();
  size_t at = 0;
  for (size_t i = 0, n = shape.numel(); i < n; ++i) {
    if (flags[i] == std::byte(0)) continue;
    if (at == available) return invalid_value("a mask with more than the source's {} elements", at);
    std::memcpy(out.data + i * size, source.data + at++ * size, size);
  }
  return {};
}

/// [count, rank] int64: where `self` is not zero.
Status nonzero(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(1);
  if (out.dtype != DType::kS64) return invalid("positions of type {}", smelt::name(out.dtype));
  const size_t n = self.numel(), rank = self.rank();
  const auto is_set = [&](size_t i) {
    const auto t = compute_of(self.dtype) == Compute::kS64 ? DType::kS64 : DType::kF64;
    return t == DType::kS64 ? load_element<int64_t>(self.dtype, self.data, ptrdiff_t(i)) != 0
                            : load_element<double>(self.dtype, self.data, ptrdiff_t(i)) != 0;
  };
  int64_t found = 0;
  for (size_t i = 0; i < n; ++i) found += is_set(i);
  SMELT_TRY(out.resize(Shape{found, int64_t(rank)}));
  int64_t* to = out.as<int64_t>();
  for (size_t i = 0; i < n; ++i) {
    if (!is_set(i)) continue;
    size_t rest = i;
    for (size_t d = rank; d-- > 0;) {
      to[d] = int64_t(rest % size_t(self.shape[d]));
      rest /= size_t(self.shape[d]);
    }
    to += rank;
  }
  return {};
}

constexpr Operator kOperators[] = {
    {"aten::embedding.out", "TTIBBW", embedding},
    {"aten::gather.out", "TITBW", gather},
    {"aten::index.Tensor_out", "TOW", index},
    {"aten::index_put.out", "TOTBW", index_put, false, false, true},
    {"aten::index_put_", "UOTB", index_put_in_place},
    {"aten::index_select.out", "TITW", index_select},
    {"aten::masked_scatter.out", "TTTW", masked_scatter},
    {"aten::masked_select.out", "TTW", masked_select},
    {"aten::nonzero.out", "TW", nonzero},
    {"aten::scatter.src_out", "TITTW", scatter_src},
    {"aten::scatter.value_out", "TITSW", scatter_value},
    {"aten::scatter_add.out", "TITTW", scatter_add},
};
constexpr auto kTable = of_category(Category::kDataMovement, kOperators);

}  // namespace

std::span<const Operator> index_operators() { return kTable; }

}  // namespace smelt::program
