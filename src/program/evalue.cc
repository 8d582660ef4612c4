#include "program/evalue.h"

#include "base/status.h"

namespace smelt::program {

bool same_layout(const Shape& shape, const DimOrder& a, const DimOrder& b) {
  size_t i = 0, j = 0;
  const auto skip = [&](size_t& k, const DimOrder& order) {
    while (k < shape.rank() && shape[order[k]] == 1) ++k;
  };
  for (;;) {
    skip(i, a);
    skip(j, b);
    if (i == shape.rank() || j == shape.rank()) return i == j;
    if (a[i++] != b[j++]) return false;
  }
}

void Tensor::set_strides() {
  strides.resize(shape.rank());
  int64_t stride = 1;
  for (size_t i = shape.rank(); i-- > 0;) {
    const size_t d = dim_order[i];
    strides[d] = stride;
    stride *= shape[d];
  }
}

void Tensor::set_row_major() {
  for (size_t i = 0; i < kMaxRank; ++i) dim_order[i] = uint8_t(i);
  row_major = true;
  set_strides();
}

bool Tensor::channels_last() const {
  if (rank() < 2) return false;
  DimOrder order = {};
  for (size_t d = 1; d + 1 < rank(); ++d) order[d] = uint8_t(d + 1);
  order[rank() - 1] = 1;
  return lies_in(order);
}

bool Tensor::lies_in(const DimOrder& order) const {
  Shape longest = shape;
  for (size_t d = 0; d < rank(); ++d) longest[d] = always_one(d) ? 1 : 2;
  return same_layout(longest, order, dim_order);
}

Status Tensor::check_shape(const Shape& wanted) const {
  if (copy_of != nullptr) return copy_of->check_shape(wanted);
  if (wanted == shape) return {};
  if (dynamism == Dynamism::kStatic) {
    return fail(ErrorCode::kInvalidFile, "result of shape {} for a tensor of fixed shape {}",
                to_string(wanted), to_string(shape));
  }
  if (!checked_numel(wanted)) {
    return fail(ErrorCode::kInvalidFile, "result of impossible shape {}", to_string(wanted));
  }
  if (dynamism == Dynamism::kBounded) {
    bool fits = wanted.rank() == bound.rank();
    for (size_t d = 0; fits && d < wanted.rank(); ++d) fits = wanted[d] <= bound[d];
    if (!fits) {
      return fail(ErrorCode::kInvalidFile, "result of shape {} for a tensor of at most {}",
                  to_string(wanted), to_string(bound));
    }
  } else if (wanted.rank() != shape.rank() && !row_major) {
    return fail(ErrorCode::kInvalidFile, "result of shape {} for a tensor of rank {}",
                to_string(wanted), shape.rank());
  }
  return {};
}

Status Tensor::resize_slow(const Shape& wanted) {
  SMELT_TRY(check_shape(wanted));
  const size_t needed = wanted.numel() * element_size(dtype);
  if (needed > capacity) {
    if (dynamism == Dynamism::kBounded) {
      return fail(ErrorCode::kInvalidFile,
                  "result of shape {} ({} bytes) for a tensor of at most {} bytes",
                  to_string(wanted), needed, capacity);
    }
    SMELT_ASSIGN(owned, AlignedBuffer::allocate(needed, /*zero=*/true));
    data = owned.data();
    capacity = needed;
  }
  shape = wanted;
  set_strides();
  return {};
}

std::string_view name(Kind k) noexcept {
  switch (k) {
    case Kind::kNone:
      return "none";
    case Kind::kTensor:
      return "tensor";
    case Kind::kInt:
      return "int";
    case Kind::kDouble:
      return "double";
    case Kind::kBool:
      return "bool";
    case Kind::kString:
      return "string";
    case Kind::kIntList:
      return "list of int";
    case Kind::kDoubleList:
      return "list of double";
    case Kind::kBoolList:
      return "list of bool";
    case Kind::kTensorList:
      return "list of tensor";
  }
  return "?";
}

int64_t EValue::to_int() const {
  switch (kind) {
    case Kind::kInt:
      return integer;
    case Kind::kBool:
      return boolean;
    case Kind::kDouble:
      return real >= -0x1p63 && real < 0x1p63 ? int64_t(real) : 0;
    default:
      return 0;
  }
}

double EValue::to_double() const {
  switch (kind) {
    case Kind::kInt:
      return double(integer);
    case Kind::kBool:
      return boolean ? 1 : 0;
    case Kind::kDouble:
      return real;
    default:
      return 0;
  }
}

bool EValue::to_bool() const {
  switch (kind) {
    case Kind::kInt:
      return integer != 0;
    case Kind::kBool:
      return boolean;
    case Kind::kDouble:
      return real != 0;
    default:
      return false;
  }
}

}  // namespace smelt::program
