// Element by element: functions of several tensors and numbers, which broadcast.
#include <atomic>
#include <bit>
#include <cmath>
#include <optional>

#include "program/operators/complex.h"
#include "program/operators/dense.h"

namespace smelt::program {
namespace {

enum class Rule {
  kCommon,     ///< computes in the common type, which the result holds
  kFloat,      ///< like kCommon, but integers become float
  kPredicate,  ///< computes in the common type; the result is true or false
  kInteger,    ///< bits: no floats
};

/// What a block function gets besides its operands.
template <class C>
struct Params {
  C factor = 1;                                  ///< alpha
  std::atomic<bool>* divided_by_zero = nullptr;  ///< set by integer divisions that have no result
};

template <class F, class C>
void block(const void* const* in, void* out, size_t n, const void* params) {
  const C* a = static_cast<const C*>(in[0]);
  const C* b = static_cast<const C*>(in[1]);
  C* y = static_cast<C*>(out);
  const auto& p = *static_cast<const Params<C>*>(params);
  for (size_t i = 0; i < n; ++i) y[i] = F::apply(a[i], b[i], p);
}

/// A tensor or a number as an operand of map().
class Operand {
 public:
  Operand(const EValue& v, CommonType& common) {
    if (v.kind == Kind::kTensor) {
      strided_ = Strided(*v.tensor);
      common.add(*v.tensor);
      return;
    }
    common.add(v);
    const bool real = v.kind == Kind::kDouble;
    if (real) {
      real_ = v.real;
    } else {
      integer_ = v.to_int();
    }
    strided_.data =
        real ? reinterpret_cast<std::byte*>(&real_) : reinterpret_cast<std::byte*>(&integer_);
    strided_.dtype = real ? DType::kF64 : DType::kS64;
  }
  Operand(const Operand&) = delete;
  Operand& operator=(const Operand&) = delete;
  const Strided& strided() const { return strided_; }
  /// A whole number meets integers as one of their type: -1 is 255 among uint8.
  void become(DType type) {
    if (strided_.data != reinterpret_cast<std::byte*>(&integer_) || is_float(type)) return;
    std::byte wrapped[sizeof(int64_t)];
    store_element(type, wrapped, 0, integer_);
    integer_ = load_element<int64_t>(type, wrapped, 0);
  }

 private:
  Strided strided_;
  double real_;
  int64_t integer_ = 0;
};

/// out = F(a, b) with arguments 0 and 1; `alpha` is the argument with the factor, or 0.
template <class F>
Status apply(Call& call, size_t alpha, size_t out_index) {
  CommonType common;
  Operand a(call.scalar(0), common), b(call.scalar(1), common);
  Tensor& out = call.tensor(out_index);
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(a.strided().shape, b.strided().shape));
  SMELT_TRY(out.resize(shape));
  DType type = common.get();
  if (F::kRule == Rule::kInteger && is_float(type)) {
    return invalid("no bits of a {}", smelt::name(type));
  }
  if (F::kRule == Rule::kFloat && !is_float(type)) type = DType::kF32;
  if (F::kRule != Rule::kPredicate) SMELT_TRY(check_cast(type, out.dtype));
  a.become(type);
  b.become(type);
  std::atomic<bool> divided_by_zero = false;
  with_compute(compute_of(type), [&]<class C>(C) {
    constexpr bool kIsInt = std::is_same_v<C, int64_t>;
    if constexpr ((kIsInt && F::kRule != Rule::kFloat) || (!kIsInt && F::kRule != Rule::kInteger)) {
      Params<C> params{.divided_by_zero = &divided_by_zero};
      if (alpha != 0) params.factor = number<C>(call.scalar(alpha));
      const Strided in[] = {a.strided(), b.strided()};
      map(call, ComputeOf<C>::value, Strided(out), in, block<F, C>, &params);
    }
  });
  if (divided_by_zero) return invalid("an integer is divided by zero");
  return {};
}

template <class F>
Status binary(Call& call) {
  return apply<F>(call, 0, 2);
}
template <class F>
Status binary_alpha(Call& call) {
  return apply<F>(call, 2, 3);
}

/// Runs a vector kernel over a tensor of float32 in argument 0 and a number in argument 1.
Result<bool> vectorized_number(Call& call, BinaryOp op, Tensor& out) {
  const Tensor& lhs = call.tensor(0);
  if (lhs.dtype != DType::kF32 || out.dtype != DType::kF32) return call.decided({});
  SMELT_TRY(out.resize(lhs.shape));
  if (!alike(lhs, out)) return call.decided({});
  if (call.decided(call.vectors().name)) return true;
  const auto number = float(call.real(1));
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for_each_stretch(call.pool(), out.numel(), [&](size_t first, size_t n) {
    call.vectors().binary[size_t(op)].f32(lhs.as<float>() + first, &number, out.as<float>() + first,
                                          n, Broadcast::kRhs, {-kInf, kInf});
  });
  return true;
}

/// Runs a vector kernel if there is one for the operands in arguments 0 and 1: tensors that are
/// alike or one of them a single element, or a tensor and a number. False: portable code has to.
Result<bool> vectorized(Call& call, BinaryOp op, Tensor& out) {
  if (call.scalar(0).kind == Kind::kTensor && call.scalar(1).is_scalar())
    return vectorized_number(call, op, out);
  if (call.scalar(0).kind != Kind::kTensor || call.scalar(1).kind != Kind::kTensor)
    return call.decided({});
  const Tensor &lhs = call.tensor(0), &rhs = call.tensor(1);
  const BinaryFn kernel = kernel_for(call.vectors().binary[size_t(op)], lhs.dtype);
  if (kernel == nullptr || rhs.dtype != lhs.dtype || out.dtype != lhs.dtype)
    return call.decided({});
  Broadcast broadcast = Broadcast::kNone;
  if (!(lhs.shape == rhs.shape)) {
    if (rhs.numel() == 1 && rhs.rank() <= lhs.rank()) {
      broadcast = Broadcast::kRhs;
    } else if (lhs.numel() == 1 && lhs.rank() <= rhs.rank()) {
      broadcast = Broadcast::kLhs;
    } else {
      return call.decided({});
    }
  }
  const Tensor& whole = broadcast == Broadcast::kLhs ? rhs : lhs;
  SMELT_TRY(out.resize(whole.shape));
  if (!alike(whole, out) || (broadcast == Broadcast::kNone && !alike(lhs, rhs)))
    return call.decided({});
  if (call.decided(call.vectors().name)) return true;
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const size_t size = element_size(lhs.dtype);
  for_each_stretch(call.pool(), out.numel(), [&](size_t first, size_t n) {
    kernel(lhs.data + (broadcast == Broadcast::kLhs ? 0 : first * size),
           rhs.data + (broadcast == Broadcast::kRhs ? 0 : first * size), out.data + first * size, n,
           broadcast, {-kInf, kInf});
  });
  return true;
}

template <class F, BinaryOp Op>
Status binary(Call& call) {
  SMELT_ASSIGN(const bool done, vectorized(call, Op, call.tensor(2)));
  return done ? Status() : binary<F>(call);
}
template <class F, BinaryOp Op>
Status binary_alpha(Call& call) {
  if (call.real(2) == 1) {
    SMELT_ASSIGN(const bool done, vectorized(call, Op, call.tensor(3)));
    if (done) return {};
  } else if (call.decided({})) {
    return {};
  }
  return binary_alpha<F>(call);
}

#define SMELT_BINARY(Name, rule, expression)                        \
  struct Name {                                                     \
    static constexpr Rule kRule = Rule::rule;                       \
    template <class C>                                              \
    static C apply(C a, C b, [[maybe_unused]] const Params<C>& p) { \
      return C(expression);                                         \
    }                                                               \
  };

SMELT_BINARY(Add, kCommon, add(a, mul(b, p.factor)))
SMELT_BINARY(Sub, kCommon, sub(a, mul(b, p.factor)))
SMELT_BINARY(ReverseSub, kCommon, sub(b, mul(a, p.factor)))
SMELT_BINARY(Mul, kCommon, mul(a, b))
SMELT_BINARY(Div, kFloat, a / b)
SMELT_BINARY(Atan2, kFloat, std::atan2(a, b))
SMELT_BINARY(Maximum, kCommon, larger(a, b))
SMELT_BINARY(Minimum, kCommon, smaller(a, b))
SMELT_BINARY(Eq, kPredicate, a == b)
SMELT_BINARY(Ne, kPredicate, a != b)
SMELT_BINARY(Lt, kPredicate, a < b)
SMELT_BINARY(Le, kPredicate, a <= b)
SMELT_BINARY(Gt, kPredicate, a > b)
SMELT_BINARY(Ge, kPredicate, a >= b)
SMELT_BINARY(LogicalAnd, kPredicate, (a != 0) & (b != 0))
SMELT_BINARY(LogicalOr, kPredicate, (a != 0) | (b != 0))
SMELT_BINARY(LogicalXor, kPredicate, (a != 0) != (b != 0))
SMELT_BINARY(BitwiseAnd, kInteger, a& b)
SMELT_BINARY(BitwiseOr, kInteger, a | b)
SMELT_BINARY(BitwiseXor, kInteger, a ^ b)

/// Shifting by more than the width leaves nothing but the sign.
SMELT_BINARY(ShiftLeft, kInteger, b<0 || b> 63 ? C(0) : C(uint64_t(a) << b))
SMELT_BINARY(ShiftRight, kInteger, a >> (b < 0 || b > 63 ? 63 : b))

/// An integer division that has no undefined cases: by zero it reports and gives 0.
template <class C>
bool divisible(C& a, C& b, const Params<C>& p) {
  if (b == 0) {
    p.divided_by_zero->store(true, std::memory_order_relaxed);
    return false;
  }
  if (b == -1) {  // the smallest integer has no positive counterpart
    a = wrap_sub(0, a);
    b = 1;
  }
  return true;
}

struct FloorDivide {
  static constexpr Rule kRule = Rule::kCommon;
  template <class C>
  static C apply(C a, C b, const Params<C>& p) {
    if constexpr (std::is_same_v<C, int64_t>) {
      if (!divisible(a, b, p)) return 0;
      const C quotient = a / b;
      return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
    } else {
      // From the remainder, so that a == floor_divide(a, b) * b + remainder(a, b) holds as well as
      // it can.
      if (b == 0) return a / b;
      const C rest = std::fmod(a, b);
      C quotient = (a - rest) / b;
      if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
      if (quotient == 0) return std::copysign(C(0), a / b);
      const C whole = std::floor(quotient);
      return quotient - whole > C(0.5) ? whole + 1 : whole;
    }
  }
};

struct TruncDivide {
  static constexpr Rule kRule = Rule::kCommon;
  template <class C>
  static C apply(C a, C b, const Params<C>& p) {
    if constexpr (std::is_same_v<C, int64_t>) {
      return divisible(a, b, p) ? a / b : 0;
    } else {
      return std::trunc(a / b);
    }
  }
};

struct Fmod {
  static constexpr Rule kRule = Rule::kCommon;
  template <class C>
  static C apply(C a, C b, const Params<C>& p) {
    if constexpr (std::is_same_v<C, int64_t>) {
      return divisible(a, b, p) ? a % b : 0;
    } else {
      return std::fmod(a, b);
    }
  }
};

/// Has the sign of the divisor.
struct Remainder {
  static constexpr Rule kRule = Rule::kCommon;
  template <class C>
  static C apply(C a, C b, const Params<C>& p) {
    const C rest = Fmod::apply(a, b, p);
    return rest != 0 && (b < 0) != (rest < 0) ? add(rest, b) : rest;
  }
};

struct Pow {
  static constexpr Rule kRule = Rule::kCommon;
  template <class C>
  static C apply(C a, C b, const Params<C>&) {
    if constexpr (std::is_same_v<C, int64_t>) {
      if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : -1) : 0;
      C result = 1;
      for (; b != 0; b >>= 1) {
        if (b & 1) result = wrap_mul(result, a);
        a = wrap_mul(a, a);
      }
      return result;
    } else {
      return b == 2 ? a * a : std::pow(a, b);
    }
  }
};

Status div_mode(Call& call) {
  if (!call.has(2)) return apply<Div>(call, 0, 3);
  if (call.string(2) == "floor") return apply<FloorDivide>(call, 0, 3);
  if (call.string(2) == "trunc") return apply<TruncDivide>(call, 0, 3);
  return invalid("rounding mode \"{}\"; there are \"floor\" and \"trunc\"", call.string(2));
}

/// Three operands: bounds, or a condition and two choices.
template <class F, class C>
void block3(const void* const* in, void* out, size_t n, const void*) {
  const C* a = static_cast<const C*>(in[0]);
  const C* b = static_cast<const C*>(in[1]);
  const C* c = static_cast<const C*>(in[2]);
  C* y = static_cast<C*>(out);
  for (size_t i = 0; i < n; ++i) y[i] = F::apply(a[i], b[i], c[i]);
}

struct Clamp {
  template <class C>
  static C apply(C x, C low, C high) {
    return smaller(larger(x, low), high);
  }
};
struct ClampLow {
  template <class C>
  static C apply(C x, C low, const Params<C>&) {
    return larger(x, low);
  }
};
struct ClampHigh {
  template <class C>
  static C apply(C x, C high, const Params<C>&) {
    return smaller(x, high);
  }
};
struct Choose {
  template <class C>
  static C apply(C condition, C a, C b) {
    return condition != 0 ? a : b;
  }
};
struct Fill {
  template <class C>
  static C apply(C x, C condition, C value) {
    return condition != 0 ? value : x;
  }
};

/// Bounds are tensors or numbers, and either may be absent.
Status clamp(Call& call) {
  if (!call.has(1) && !call.has(2)) return invalid("neither a lower nor an upper bound");
  CommonType common;
  const Operand x(call.scalar(0), common);
  const Operand low(call.scalar(call.has(1) ? 1 : 0), common);
  const Operand high(call.scalar(call.has(2) ? 2 : 0), common);
  Tensor& out = call.tensor(3);
  SMELT_ASSIGN(Shape shape, broadcast_shapes(x.strided().shape, low.strided().shape));
  SMELT_ASSIGN(shape, broadcast_shapes(shape, high.strided().shape));
  SMELT_TRY(out.resize(shape));
  const DType type = common.get();
  SMELT_TRY(check_cast(type, out.dtype));
  with_compute(compute_of(type), [&]<class C>(C) {
    const Params<C> params;
    const auto run = [&](BlockFn fn, std::span<const Strided> in) {
      map(call, ComputeOf<C>::value, Strided(out), in, fn, &params);
    };
    if (call.has(1) && call.has(2)) {
      const Strided in[] = {x.strided(), low.strided(), high.strided()};
      run(block3<Clamp, C>, in);
    } else {
      const Strided in[] = {x.strided(), call.has(1) ? low.strided() : high.strided()};
      run(call.has(1) ? block<ClampLow, C> : block<ClampHigh, C>, in);
    }
  });
  return {};
}

/// F(a, b, c), where argument `condition` says yes or no and takes no part in the common type.
template <class F>
Status choose(Call& call, size_t condition) {
  CommonType common, ignored;
  const Operand a(call.scalar(0), condition == 0 ? ignored : common);
  const Operand b(call.scalar(1), condition == 1 ? ignored : common);
  const Operand c(call.scalar(2), common);
  Tensor& out = call.tensor(3);
  SMELT_ASSIGN(Shape shape, broadcast_shapes(a.strided().shape, b.strided().shape));
  SMELT_ASSIGN(shape, broadcast_shapes(shape, c.strided().shape));
  SMELT_TRY(out.resize(shape));
  const DType type = common.get();
  with_compute(compute_of(type), [&]<class C>(C) {
    const Strided in[] = {a.strided(), b.strided(), c.strided()};
    map(call, ComputeOf<C>::value, Strided(out), in, block3<F, C>, nullptr);
  });
  return {};
}

/// `params` is the kernel.
void choose_block(const void* const* in, void* out, size_t n, const void* params) {
  const auto kernel = *static_cast<const ChooseFn*>(params);
  kernel(static_cast<const uint8_t*>(in[0]), in[1], in[2], out, n);
}

/// Elements of one type, chosen by flags, without a look at them.
void choose_stored(Call& call, const Strided& flags, const Strided& yes, const Strided& no,
                   Tensor& out) {
  const size_t log2 = size_t(std::countr_zero(element_size(out.dtype)));
  const Strided in[] = {flags, yes, no};
  map_stored(call, Strided(out), in, choose_block, &call.vectors().elements.choose[log2]);
}

Status where(Call& call) {
  const Tensor &condition = call.tensor(0), &a = call.tensor(1), &b = call.tensor(2);
  Tensor& out = call.tensor(3);
  const bool stored = element_size(condition.dtype) == 1 && a.dtype == out.dtype &&
                      b.dtype == out.dtype && !is_complex(out.dtype);
  if (call.decided(stored ? call.vectors().name : std::string_view())) return {};
  if (!stored) return choose<Choose>(call, 0);
  SMELT_ASSIGN(Shape shape, broadcast_shapes(condition.shape, a.shape));
  SMELT_ASSIGN(shape, broadcast_shapes(shape, b.shape));
  SMELT_TRY(out.resize(shape));
  choose_stored(call, Strided(condition), Strided(a), Strided(b), out);
  return {};
}

Status masked_fill(Call& call) {
  const Tensor &self = call.tensor(0), &mask = call.tensor(1);
  Tensor& out = call.tensor(3);
  CommonType common;
  common.add(self);
  common.add(call.scalar(2));
  const bool stored = element_size(mask.dtype) == 1 && common.get() == self.dtype &&
                      self.dtype == out.dtype && !is_complex(out.dtype);
  if (call.decided(stored ? call.vectors().name : std::string_view())) return {};
  if (!stored) return choose<Fill>(call, 1);
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(self.shape, mask.shape));
  SMELT_TRY(out.resize(shape));
  alignas(8) std::byte value[8];
  with_compute(compute_of(self.dtype),
               [&]<class C>(C) { store_element(self.dtype, value, 0, number<C>(call.scalar(2))); });
  choose_stored(call, Strided(mask), Strided(value, self.dtype, Shape(), Shape()), Strided(self),
                out);
  return {};
}

/// Twice an exponent whose power is a few products: a small whole number or a half. Each more would
/// add roundings that pow does not have.
std::optional<int> halves_of(double exponent) {
  if (std::abs(exponent) == 0.5) return exponent > 0 ? 1 : -1;
  const bool small = std::abs(exponent) <= 4 && exponent == std::trunc(exponent);
  return small ? std::optional(int(2 * exponent)) : std::nullopt;
}

/// As the vector kernel does it.
template <class C>
void power_block(const void* const* in, void* out, size_t n, const void* params) {
  const int halves = *static_cast<const int*>(params);
  const bool root = halves % 2 != 0, inverse = halves < 0;
  const int count = std::abs(halves) / (root ? 1 : 2);
  const C* src = static_cast<const C*>(in[0]);
  C* dst = static_cast<C*>(out);
  for (size_t i = 0; i < n; ++i) {
    C x = src[i];
    if (root) x = x == -std::numeric_limits<C>::infinity() ? -x : std::sqrt(x) + C(0);
    if (inverse) x = C(1) / x;
    C product = (count & 1) != 0 ? x : C(1);
    for (int k = count >> 1; k != 0; k >>= 1) {
      x *= x;
      if ((k & 1) != 0) product *= x;
    }
    dst[i] = product;
  }
}

/// A tensor to the power of a number.
Status pow_number(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(2);
  const auto halves = halves_of(call.real(1));
  if (!halves || !is_float(self.dtype) || out.dtype != self.dtype) {
    return call.decided({}) ? Status() : binary<Pow>(call);
  }
  SMELT_TRY(out.resize(self.shape));
  const PowerFn kernel = kernel_for(call.vectors().power, self.dtype);
  const bool vector = kernel != nullptr && alike(self, out);
  if (call.decided(vector ? call.vectors().name : std::string_view())) return {};
  if (vector) {
    const size_t size = element_size(self.dtype);
    for_each_stretch(call.pool(), self.numel(), [&](size_t first, size_t n) {
      kernel(self.data + first * size, out.data + first * size, n, *halves);
    });
    return {};
  }
  with_float(self.dtype, [&]<class C>(C) {
    const Strided in[] = {Strided(self)};
    map(call, ComputeOf<C>::value, Strided(out), in, power_block<C>, &*halves);
  });
  return {};
}

#define SMELT_TENSOR_AND_SCALAR(name, F)                   \
  {"aten::" name ".Tensor_out", "TTW", binary<F>, true}, { \
    "aten::" name ".Scalar_out", "TSW", binary<F>, true    \
  }

constexpr Operator kOperators[] = {
    SMELT_TENSOR_AND_SCALAR("__lshift__", ShiftLeft),
    SMELT_TENSOR_AND_SCALAR("__rshift__", ShiftRight),
    choosing({"aten::add.Scalar_out", "TSSW", binary_alpha<Add, BinaryOp::kAdd>, true}),
    with_complex(choosing({"aten::add.out", "TTSW", binary_alpha<Add, BinaryOp::kAdd>, true}),
                 complex_add),
    {"aten::atan2.out", "TTW", binary<Atan2>, true},
    {"aten::bitwise_and.Scalar_Tensor_out", "STW", binary<BitwiseAnd>, true},
    SMELT_TENSOR_AND_SCALAR("bitwise_and", BitwiseAnd),
    {"aten::bitwise_left_shift.Scalar_Tensor_out", "STW", binary<ShiftLeft>, true},
    {"aten::bitwise_left_shift.Tensor_Scalar_out", "TSW", binary<ShiftLeft>, true},
    {"aten::bitwise_left_shift.Tensor_out", "TTW", binary<ShiftLeft>, true},
    {"aten::bitwise_or.Scalar_Tensor_out", "STW", binary<BitwiseOr>, true},
    SMELT_TENSOR_AND_SCALAR("bitwise_or", BitwiseOr),
    {"aten::bitwise_right_shift.Scalar_Tensor_out", "STW", binary<ShiftRight>, true},
    {"aten::bitwise_right_shift.Tensor_Scalar_out", "TSW", binary<ShiftRight>, true},
    {"aten::bitwise_right_shift.Tensor_out", "TTW", binary<ShiftRight>, true},
    {"aten::bitwise_xor.Scalar_Tensor_out", "STW", binary<BitwiseXor>, true},
    SMELT_TENSOR_AND_SCALAR("bitwise_xor", BitwiseXor),
    {"aten::clamp.Tensor_out", "TttW", clamp, true},
    {"aten::clamp.out", "TssW", clamp, true},
    {"aten::div.Scalar_mode_out", "TSzW", div_mode, true},
    choosing({"aten::div.Scalar_out", "TSW", binary<Div, BinaryOp::kDivide>, true}),
    with_complex(choosing({"aten::div.out", "TTW", binary<Div, BinaryOp::kDivide>, true}),
                 complex_div),
    {"aten::div.out_mode", "TTzW", div_mode, true},
    SMELT_TENSOR_AND_SCALAR("eq", Eq),
    {"aten::floor_divide.out", "TTW", binary<FloorDivide>, true},
    SMELT_TENSOR_AND_SCALAR("fmod", Fmod),
    SMELT_TENSOR_AND_SCALAR("ge", Ge),
    SMELT_TENSOR_AND_SCALAR("gt", Gt),
    SMELT_TENSOR_AND_SCALAR("le", Le),
    {"aten::logical_and.out", "TTW", binary<LogicalAnd>, true},
    {"aten::logical_or.out", "TTW", binary<LogicalOr>, true},
    {"aten::logical_xor.out", "TTW", binary<LogicalXor>, true},
    SMELT_TENSOR_AND_SCALAR("lt", Lt),
    choosing({"aten::masked_fill.Scalar_out", "TTSW", masked_fill, true}),
    choosing({"aten::maximum.out", "TTW", binary<Maximum, BinaryOp::kMaximum>, true}),
    choosing({"aten::minimum.out", "TTW", binary<Minimum, BinaryOp::kMinimum>, true}),
    choosing({"aten::mul.Scalar_out", "TSW", binary<Mul, BinaryOp::kMultiply>, true}),
    with_complex(choosing({"aten::mul.out", "TTW", binary<Mul, BinaryOp::kMultiply>, true}),
                 complex_mul),
    SMELT_TENSOR_AND_SCALAR("ne", Ne),
    {"aten::pow.Scalar_out", "STW", binary<Pow>, true},
    choosing({"aten::pow.Tensor_Scalar_out", "TSW", pow_number, true}),
    {"aten::pow.Tensor_Tensor_out", "TTW", binary<Pow>, true},
    SMELT_TENSOR_AND_SCALAR("remainder", Remainder),
    {"aten::rsub.Scalar_out", "TSSW", binary_alpha<ReverseSub>, true},
    choosing({"aten::sub.Scalar_out", "TSSW", binary_alpha<Sub, BinaryOp::kSubtract>, true}),
    with_complex(choosing({"aten::sub.out", "TTSW", binary_alpha<Sub, BinaryOp::kSubtract>, true}),
                 complex_sub),
    choosing({"aten::where.self_out", "TTTW", where, true}),
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> binary_operators() { return kTable; }

}  // namespace smelt::program
