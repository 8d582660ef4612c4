#include "program/operators/common.h"

#include <algorithm>
#include <cstring>

namespace smelt::program {

void fill(Tensor& out, const EValue& value) {
  const Compute compute = value.kind == Kind::kDouble ? Compute::kF64 : Compute::kS64;
  with_compute(compute, [&]<class C>(C) {
    const C number = program::number<C>(value);
    const size_t n = out.numel();
    if (n == 0) return;
    store_element(out.dtype, out.data, 0, number);
    // Doubling copies of what is there, so that one conversion is enough.
    const size_t bytes = out.bytes();
    for (size_t done = element_size(out.dtype); done < bytes;) {
      const size_t more = std::min(done, bytes - done);
      std::memcpy(out.data + done, out.data, more);
      done += more;
    }
  });
}

Status check_cast(DType from, DType to) {
  const auto category = [](DType t) { return is_float(t) ? 2 : t == DType::kBool ? 0 : 1; };
  if (category(from) > category(to)) {
    return invalid("a result of {} does not go into a tensor of {}", smelt::name(from),
                   smelt::name(to));
  }
  return {};
}

Result<std::array<bool, kMaxRank>> dimension_set(std::span<const int64_t> dims, size_t rank,
                                                 bool empty_is_all) {
  std::array<bool, kMaxRank> set = {};
  if (dims.empty() && empty_is_all) set.fill(true);
  for (const int64_t dim : dims) {
    SMELT_ASSIGN(const size_t d, normalize_dim(dim, rank));
    if (set[d] && rank > 0) return invalid("dimension {} is listed twice", dim);
    set[d] = true;
  }
  return set;
}

Shape reduced_shape(const Shape& shape, const std::array<bool, kMaxRank>& set, bool keep) {
  Shape r;
  for (size_t d = 0; d < shape.rank(); ++d) {
    if (!set[d]) {
      r.push_back(shape[d]);
    } else if (keep) {
      r.push_back(1);
    }
  }
  return r;
}

Result<Shape> to_shape(std::span<const int64_t> sizes) {
  if (sizes.size() > kMaxRank) return invalid("{} dimensions; at most {}", sizes.size(), kMaxRank);
  const Shape shape(sizes);
  if (!checked_numel(shape)) return invalid("an impossible shape {}", to_string(shape));
  return shape;
}

Result<Shape> inferred_shape(std::span<const int64_t> sizes, const Shape& from) {
  if (sizes.size() > kMaxRank) return invalid("{} dimensions; at most {}", sizes.size(), kMaxRank);
  Shape shape(sizes);
  size_t open = kMaxRank;
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] != -1) continue;
    if (open != kMaxRank) return invalid("more than one -1 in {}", to_string(shape));
    open = i;
    shape[i] = 1;
  }
  const auto count = checked_numel(shape);
  const size_t wanted = from.numel();
  if (count && open != kMaxRank && *count != 0 && wanted % *count == 0) {
    shape[open] = int64_t(wanted / *count);
  }
  if (!count || shape.numel() != wanted) {
    return invalid("{} as a view of shape {}", to_string(from), to_string(Shape(sizes)));
  }
  return shape;
}

}  // namespace smelt::program
