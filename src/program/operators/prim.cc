// Arithmetic on numbers and shapes, and views: what the emitter puts between operators.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "program/operators/common.h"

namespace smelt::program {
namespace {

Status sym_size(Call& call) {
  const Tensor& self = call.tensor(0);
  if (self.rank() == 0) return invalid("a tensor without dimensions has no sizes");
  SMELT_ASSIGN(const size_t dim, normalize_dim(call.integer(1), self.rank()));
  call.value(2).set(self.shape[dim]);
  return {};
}

Status sym_numel(Call& call) {
  call.value(1).set(int64_t(call.tensor(0).numel()));
  return {};
}

Status local_scalar_dense(Call& call) {
  const Tensor& self = call.tensor(0);
  if (self.numel() == 0)
    return invalid("no element in a tensor of shape {}", to_string(self.shape));
  if (self.dtype == DType::kBool) {
    call.value(1).set(load_element<int64_t>(self.dtype, self.data) != 0);
  } else if (is_float(self.dtype)) {
    call.value(1).set(load_element<double>(self.dtype, self.data));
  } else {
    call.value(1).set(load_element<int64_t>(self.dtype, self.data));
  }
  return {};
}

bool any_real(const Call& call) {
  return call.scalar(0).kind == Kind::kDouble || call.scalar(1).kind == Kind::kDouble;
}

/// Integers stay integers; one real makes the result real.
template <class F>
Status arithmetic(Call& call) {
  if (any_real(call)) {
    call.value(2).set(F::apply(call.real(0), call.real(1)));
  } else {
    call.value(2).set(F::apply(call.integer(0), call.integer(1)));
  }
  return {};
}

struct Add {
  static double apply(double a, double b) { return a + b; }
  static int64_t apply(int64_t a, int64_t b) { return wrap_add(a, b); }
};
struct Sub {
  static double apply(double a, double b) { return a - b; }
  static int64_t apply(int64_t a, int64_t b) { return wrap_sub(a, b); }
};
struct Mul {
  static double apply(double a, double b) { return a * b; }
  static int64_t apply(int64_t a, int64_t b) { return wrap_mul(a, b); }
};
struct Max {
  template <class T>
  static T apply(T a, T b) {
    return larger(a, b);
  }
};
struct Min {
  template <class T>
  static T apply(T a, T b) {
    return smaller(a, b);
  }
};

template <class Compare>
Status comparison(Call& call) {
  const bool result = any_real(call) ? Compare()(call.real(0), call.real(1))
                                     : Compare()(call.integer(0), call.integer(1));
  call.value(2).set(result);
  return {};
}

double floor_div(double a, double b) {
  if (b == 0) return std::signbit(a) ? -INFINITY : INFINITY;
  const double rest = std::fmod(a, b);
  const double quotient = (a - rest) / b;
  return rest != 0 && std::signbit(b) != std::signbit(rest) ? quotient - 1 : quotient;
}

Status floordiv(Call& call) {
  if (any_real(call)) {
    call.value(2).set(floor_div(call.real(0), call.real(1)));
    return {};
  }
  const int64_t a = call.integer(0), b = call.integer(1);
  if (b == 0) return invalid("{} divided by zero", a);
  if (b == -1) {
    call.value(2).set(wrap_sub(0, a));
    return {};
  }
  call.value(2).set(a % b != 0 && (a < 0) != (b < 0) ? a / b - 1 : a / b);
  return {};
}

/// Of integers only, and truncating: ExecuTorch's definition.
Status floordiv_int(Call& call) {
  const int64_t a = call.integer(0), b = call.integer(1);
  if (b == 0) return invalid("{} divided by zero", a);
  call.value(2).set(b == -1 ? wrap_sub(0, a) : a / b);
  return {};
}

Status truediv(Call& call) {
  call.value(2).set(call.real(0) / call.real(1));
  return {};
}

/// ExecuTorch's own: truncating, of integers.
Status mod(Call& call) {
  const int64_t a = call.integer(0), b = call.integer(1);
  if (b == 0) return invalid("{} divided by zero", a);
  call.value(2).set(b == -1 ? int64_t(0) : a % b);
  return {};
}

Status sym_float(Call& call) {
  call.value(1).set(call.real(0));
  return {};
}
Status sym_int(Call& call) {
  call.value(1).set(call.integer(0));
  return {};
}
Status sym_not(Call& call) {
  call.value(1).set(!call.boolean(0));
  return {};
}
/// One of two numbers, with its type.
Status sym_ite(Call& call) {
  call.value(3) = call.scalar(call.boolean(0) ? 1 : 2);
  return {};
}
Status neg(Call& call) {
  if (call.scalar(0).kind == Kind::kDouble) {
    call.value(1).set(-call.real(0));
  } else {
    call.value(1).set(wrap_sub(0, call.integer(0)));
  }
  return {};
}

template <double (*F)(double)>
Status to_integer(Call& call) {
  const double v = F(call.real(0));
  if (!(v >= -0x1p63 && v < 0x1p63)) return invalid("{} is no integer of 64 bits", v);
  call.value(1).set(int64_t(v));
  return {};
}
double round_even(double v) { return std::nearbyint(v); }
double round_up(double v) { return std::ceil(v); }
double round_down(double v) { return std::floor(v); }
double round_to_zero(double v) { return std::trunc(v); }

Status et_view(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(2);
  SMELT_ASSIGN(const Shape shape, inferred_shape(call.ints(1), self.shape));
  if (self.dtype != out.dtype) {
    return invalid("a view of {} as {}", smelt::name(self.dtype), smelt::name(out.dtype));
  }
  out.data = self.data;
  out.capacity = self.capacity;
  SMELT_TRY(out.resize(shape));
  if (!(self.row_major && out.row_major) && !same_places(Strided(self), Strided(out))) {
    return fail(ErrorCode::kUnsupported, "a view of {} in order {} as {} in order {}",
                to_string(self.shape), to_string(self.order()), to_string(shape),
                to_string(out.order()));
  }
  return {};
}

/// Writes one item of a tensor that grows with each iteration of a loop.
Status et_copy_index(Call& call) {
  Tensor& to = call.tensor(0);
  const Tensor& from = call.tensor(1);
  const int64_t index = call.integer(2);
  Shape shape{index + 1};
  bool fits =
      index >= 0 && index < INT64_MAX && to.rank() == from.rank() + 1 && to.dtype == from.dtype;
  for (size_t d = 0; fits && d < from.rank(); ++d) {
    fits = to.shape[d + 1] == from.shape[d];
    shape.push_back(from.shape[d]);
  }
  if (!fits) {
    return invalid("item {} of shape {} for a tensor of shape {}", index, to_string(from.shape),
                   to_string(to.shape));
  }
  // Only a tensor that grows changes its shape: going back to the first item, the rest is still
  // there.
  if (to.dynamism != Dynamism::kStatic) {
    SMELT_TRY(to.resize(shape));
  } else if (index >= to.shape[0]) {
    return invalid("item {} for a tensor of shape {}", index, to_string(to.shape));
  }
  std::memcpy(to.data + size_t(index) * from.bytes(), from.data, from.bytes());
  return {};
}

constexpr Operator kOperators[] = {
    moving({"aten::sym_size.int", "TIN", sym_size, true}),
    moving({"aten::sym_numel", "TN", sym_numel, true}),
    {"aten::_local_scalar_dense", "TN", local_scalar_dense, true},
    {"executorch_prim::add.Scalar", "SSN", arithmetic<Add>, true},
    {"executorch_prim::sub.Scalar", "SSN", arithmetic<Sub>, true},
    {"executorch_prim::mul.Scalar", "SSN", arithmetic<Mul>, true},
    {"executorch_prim::sym_max.Scalar", "SSN", arithmetic<Max>, true},
    {"executorch_prim::sym_min.Scalar", "SSN", arithmetic<Min>, true},
    {"executorch_prim::floordiv.Scalar", "SSN", floordiv, true},
    {"executorch_prim::floordiv.int", "SSN", floordiv_int, true},
    {"executorch_prim::truediv.Scalar", "SSN", truediv, true},
    {"executorch_prim::mod.int", "SSN", mod, true},
    {"executorch_prim::mod.Scalar", "SSN", mod, true},
    {"executorch_prim::neg.Scalar", "SN", neg, true},
    {"executorch_prim::eq.Scalar", "SSN", comparison<std::equal_to<>>, true},
    {"executorch_prim::ne.Scalar", "SSN", comparison<std::not_equal_to<>>, true},
    {"executorch_prim::lt.Scalar", "SSN", comparison<std::less<>>, true},
    {"executorch_prim::le.Scalar", "SSN", comparison<std::less_equal<>>, true},
    {"executorch_prim::gt.Scalar", "SSN", comparison<std::greater<>>, true},
    {"executorch_prim::ge.Scalar", "SSN", comparison<std::greater_equal<>>, true},
    {"executorch_prim::sym_float.Scalar", "SN", sym_float, true},
    {"executorch_prim::sym_int.Scalar", "SN", sym_int, true},
    {"executorch_prim::sym_not.Scalar", "SN", sym_not, true},
    {"executorch_prim::sym_ite.Scalar", "BSSN", sym_ite, true},
    {"executorch_prim::ceil.Scalar", "SN", to_integer<round_up>, true},
    {"executorch_prim::floor.Scalar", "SN", to_integer<round_down>, true},
    {"executorch_prim::round.Scalar", "SN", to_integer<round_even>, true},
    {"executorch_prim::trunc.Scalar", "SN", to_integer<round_to_zero>, true},
    in_category(Category::kDataMovement,
                moving({"executorch_prim::et_copy_index.tensor", "UTI", et_copy_index})),
    in_category(Category::kDataMovement,
                moving({"executorch_prim::et_view.default", "TLW", et_view, true, true})),
};
constexpr auto kTable = of_category(Category::kControl, kOperators);

}  // namespace

std::span<const Operator> prim_operators() { return kTable; }

}  // namespace smelt::program
