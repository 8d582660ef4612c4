// What the operator families share.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "base/checked.h"
#include "base/float16.h"
#include "base/status.h"
#include "program/block.h"
#include "program/operator.h"
#include "program/strided.h"
#include "program/types.h"

namespace smelt::program {

/// Shapes, types or arguments that do not go together: kInvalidFile (see blame.h).
template <class... Args>
[[nodiscard]] tl::unexpected<Error> invalid(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::kInvalidFile, format, std::forward<Args>(args)...);
}
/// The same of a value that is out of range: kInvalidArgument (see blame.h).
template <class... Args>
[[nodiscard]] tl::unexpected<Error> invalid_value(fmt::format_string<Args...> format,
                                                  Args&&... args) {
  return fail(ErrorCode::kInvalidArgument, format, std::forward<Args>(args)...);
}

// Integers wrap around, as tensors' elements do.
inline int64_t wrap_add(int64_t a, int64_t b) { return int64_t(uint64_t(a) + uint64_t(b)); }
inline int64_t wrap_sub(int64_t a, int64_t b) { return int64_t(uint64_t(a) - uint64_t(b)); }
inline int64_t wrap_mul(int64_t a, int64_t b) { return int64_t(uint64_t(a) * uint64_t(b)); }
template <class C>
C add(C a, C b) {
  if constexpr (std::is_same_v<C, int64_t>) {
    return wrap_add(a, b);
  } else {
    return a + b;
  }
}
template <class C>
C sub(C a, C b) {
  if constexpr (std::is_same_v<C, int64_t>) {
    return wrap_sub(a, b);
  } else {
    return a - b;
  }
}
template <class C>
C mul(C a, C b) {
  if constexpr (std::is_same_v<C, int64_t>) {
    return wrap_mul(a, b);
  } else {
    return a * b;
  }
}

/// The larger; NaN if one is.
template <class C>
C larger(C a, C b) {
  return a > b || a != a ? a : b;
}
template <class C>
C smaller(C a, C b) {
  return a < b || a != a ? a : b;
}

/// Row-major elements of a tensor in the computing type: the tensor's own memory where the type is
/// the same, a converted copy in scratch memory otherwise.
template <class C>
Result<const C*> elements(Call& call, const Tensor& t) {
  if (t.dtype == native(ComputeOf<C>::value)) return reinterpret_cast<const C*>(t.data);
  SMELT_ASSIGN(C * converted, call.scratch().take<C>(t.numel()));
  load_run(call.vectors(), t.dtype, t.data, t.numel(), ComputeOf<C>::value, converted);
  return converted;
}

/// Where to compute row-major elements of `t`; store() brings them to where they belong.
template <class C>
Result<C*> result_elements(Call& call, const Tensor& t) {
  if (t.dtype == native(ComputeOf<C>::value)) return reinterpret_cast<C*>(t.data);
  return call.scratch().take<C>(t.numel());
}
template <class C>
void store(const Tensor& t, const C* computed) {
  if (reinterpret_cast<const std::byte*>(computed) == t.data) return;
  store_block(t.dtype, t.data, 1, t.numel(), ComputeOf<C>::value, computed);
}

/// An element of a row-major result, in whichever type it was computed: store_element() for many.
template <class R>
void put_element(const Tensor& out, size_t i, R value) {
  if (out.dtype == native(ComputeOf<R>::value)) {
    out.as<R>()[i] = value;
  } else if (out.dtype == DType::kF32) {
    out.as<float>()[i] = float(value);
  } else if (out.dtype == DType::kF16) {
    out.as<Half>()[i] = Half(float(value));
  } else {
    store_element(out.dtype, out.data, ptrdiff_t(i), value);
  }
}

/// Calls f with a value of float or double: `with_float(t, [&]<class C>(C) { … })`.
template <class F>
auto with_float(DType t, F&& f) {
  return t == DType::kF64 ? f(double()) : f(float());
}

/// Gives all elements one value, converted to their type.
void fill(Tensor& out, const EValue& value);

/// Whether a result of type `from` may be stored as `to`: categories do not fall.
Status check_cast(DType from, DType to);

/// Index `i` of a dimension, negative ones counted from the end.
inline Result<int64_t> checked_index(int64_t i, int64_t extent) {
  const int64_t index = i < 0 ? i + extent : i;
  if (index < 0 || index >= extent)
    return invalid_value("index {} into a dimension of {}", i, extent);
  return index;
}

/// The same for an index that is an argument of its own, not an element: kInvalidFile.
inline Result<int64_t> checked_argument(int64_t i, int64_t extent) {
  auto index = checked_index(i, extent);
  if (!index) index.error().code = ErrorCode::kInvalidFile;
  return index;
}

/// Dimensions as a set of flags. An absent or empty list means all. kInvalidFile if one is out
/// of range or repeated.
Result<std::array<bool, kMaxRank>> dimension_set(std::span<const int64_t> dims, size_t rank,
                                                 bool empty_is_all = true);

/// The shape that is left of `shape` without the dimensions in `set`, or with them as 1.
Shape reduced_shape(const Shape& shape, const std::array<bool, kMaxRank>& set, bool keep);

/// The shape that a view asks for: one extent may be -1 and takes what is left of `from`. The
/// number of elements is the same.
Result<Shape> inferred_shape(std::span<const int64_t> sizes, const Shape& from);

/// Multiply-accumulates of [.., k] times a matrix, whichever of its dimensions is k. Like all such
/// counts it may be asked of calls that do not fit together, which fail when they run.
inline uint64_t matrix_macs(const Tensor& lhs, const Tensor& matrix) {
  return lhs.rank() == 0 ? 0 : lhs.shape.numel(0, lhs.rank() - 1) * matrix.numel();
}

/// A list of extents as a shape. kInvalidFile if one is negative or there are too many.
Result<Shape> to_shape(std::span<const int64_t> sizes);

}  // namespace smelt::program
