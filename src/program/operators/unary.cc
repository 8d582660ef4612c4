// Element by element: functions of one tensor.
#include <cmath>
#include <numbers>

#include "program/operators/complex.h"
#include "program/operators/dense.h"

namespace smelt::program {
namespace {

/// In which type a function computes.
enum class Rule {
  kFloat,  ///< integers become float
  kSame,
};

template <class F, class C>
void block(const void* const* in, void* out, size_t n, const void* params) {
  const C* x = static_cast<const C*>(in[0]);
  C* y = static_cast<C*>(out);
  const C* p = static_cast<const C*>(params);
  for (size_t i = 0; i < n; ++i) y[i] = F::apply(x[i], p);
}

constexpr size_t kParamsMax = 3;

/// Runs a vector kernel if there is one for these tensors. False: portable code has to.
bool vectorized(Call& call, UnaryOp op, const UnaryParams& params, const Tensor& self,
                const Tensor& out) {
  const UnaryFn kernel = kernel_for(call.vectors().unary[size_t(op)], self.dtype);
  if (kernel == nullptr || !alike(self, out)) return call.decided({});
  if (call.decided(call.vectors().name)) return true;
  const size_t size = element_size(self.dtype);
  for_each_stretch(call.pool(), self.numel(), [&](size_t first, size_t n) {
    kernel(self.data + first * size, out.data + first * size, n, params);
  });
  return true;
}

/// Applies F, with the numbers in arguments [1, 1 + F::kParams) as parameters.
template <class F>
Status unary(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(F::kParams + 1);
  SMELT_TRY(out.resize(self.shape));
  Compute compute = compute_of(self.dtype);
  if (F::kRule == Rule::kFloat && compute == Compute::kS64) compute = Compute::kF32;
  with_compute(compute, [&]<class C>(C) {
    if constexpr (F::kRule == Rule::kSame || !std::is_same_v<C, int64_t>) {
      C params[kParamsMax + 1];
      for (size_t i = 0; i < F::kParams; ++i) params[i] = number<C>(call.scalar(1 + i));
      const Strided in[] = {Strided(self)};
      map(call, compute, Strided(out), in, block<F, C>, params);
    }
  });
  return {};
}

// A function: how it computes, how many numbers it takes, and what it does. `p` holds the numbers.
#define SMELT_UNARY(Name, rule, params, expression)    \
  struct Name {                                        \
    static constexpr Rule kRule = Rule::rule;          \
    static constexpr size_t kParams = params;          \
    template <class C>                                 \
    static C apply(C x, [[maybe_unused]] const C* p) { \
      return C(expression);                            \
    }                                                  \
  };

SMELT_UNARY(Acos, kFloat, 0, std::acos(x))
SMELT_UNARY(Acosh, kFloat, 0, std::acosh(x))
SMELT_UNARY(Asin, kFloat, 0, std::asin(x))
SMELT_UNARY(Asinh, kFloat, 0, std::asinh(x))
SMELT_UNARY(Atan, kFloat, 0, std::atan(x))
SMELT_UNARY(Atanh, kFloat, 0, std::atanh(x))
SMELT_UNARY(Cos, kFloat, 0, std::cos(x))
SMELT_UNARY(Cosh, kFloat, 0, std::cosh(x))
SMELT_UNARY(Erf, kFloat, 0, std::erf(x))
SMELT_UNARY(Exp, kFloat, 0, std::exp(x))
SMELT_UNARY(Expm1, kFloat, 0, std::expm1(x))
SMELT_UNARY(Log, kFloat, 0, std::log(x))
SMELT_UNARY(Log10, kFloat, 0, std::log10(x))
SMELT_UNARY(Log1p, kFloat, 0, std::log1p(x))
SMELT_UNARY(Log2, kFloat, 0, std::log2(x))
SMELT_UNARY(Reciprocal, kFloat, 0, C(1) / x)
SMELT_UNARY(Rsqrt, kFloat, 0, C(1) / std::sqrt(x))
SMELT_UNARY(Sigmoid, kFloat, 0, C(1) / (C(1) + std::exp(-x)))
SMELT_UNARY(Silu, kFloat, 0, x / (C(1) + std::exp(-x)))
SMELT_UNARY(Sin, kFloat, 0, std::sin(x))
SMELT_UNARY(Sinh, kFloat, 0, std::sinh(x))
SMELT_UNARY(Sqrt, kFloat, 0, std::sqrt(x))
SMELT_UNARY(Tan, kFloat, 0, std::tan(x))
SMELT_UNARY(Tanh, kFloat, 0, std::tanh(x))

template <class C>
C negated(C x) {
  return sub(C(0), x);
}
template <>
float negated(float x) {
  return -x;
}
template <>
double negated(double x) {
  return -x;
}

/// Integers are whole already.
#define SMELT_ROUNDING(Name, function)            \
  struct Name {                                   \
    static constexpr Rule kRule = Rule::kSame;    \
    static constexpr size_t kParams = 0;          \
    template <class C>                            \
    static C apply(C x, const C*) {               \
      if constexpr (std::is_same_v<C, int64_t>) { \
        return x;                                 \
      } else {                                    \
        return function(x);                       \
      }                                           \
    }                                             \
  };
SMELT_ROUNDING(Ceil, std::ceil)
SMELT_ROUNDING(Floor, std::floor)
SMELT_ROUNDING(Round, std::nearbyint)  // ties to even: the rounding mode is never changed
SMELT_ROUNDING(Trunc, std::trunc)

SMELT_UNARY(Abs, kSame, 0, x < 0 ? negated(x) : x == 0 ? C(0) : x)
SMELT_UNARY(Neg, kSame, 0, negated(x))
SMELT_UNARY(Relu, kSame, 0, x < 0 ? C(0) : x)
SMELT_UNARY(Sign, kSame, 0, x != x ? x : C((x > 0) - (x < 0)))
SMELT_UNARY(IsNan, kSame, 0, x != x)
SMELT_UNARY(LogicalNot, kSame, 0, x == 0)
SMELT_UNARY(Identity, kSame, 0, x)
SMELT_UNARY(LeakyRelu, kSame, 1, x > 0 ? x : mul(x, p[0]))
SMELT_UNARY(Hardtanh, kSame, 2, smaller(larger(x, p[0]), p[1]))

struct IsInf {
  static constexpr Rule kRule = Rule::kSame;
  static constexpr size_t kParams = 0;
  template <class C>
  static C apply(C x, const C*) {
    if constexpr (std::is_same_v<C, int64_t>) {
      return 0;
    } else {
      return C(std::abs(x) == std::numeric_limits<C>::infinity());
    }
  }
};

struct GeluErf {
  template <class C>
  static C apply(C x, const C*) {
    if (x == -std::numeric_limits<C>::infinity()) return 0;  // the limit, not ∞ · 0
    return x * C(0.5) * (C(1) + std::erf(x * C(std::numbers::sqrt2 / 2)));
  }
};

struct GeluTanh {
  template <class C>
  static C apply(C x, const C*) {
    if (x == -std::numeric_limits<C>::infinity()) return 0;
    const C inner =
        C(std::numbers::sqrt2 * std::numbers::inv_sqrtpi) * (x + C(0.044715) * x * x * x);
    return C(0.5) * x * (C(1) + std::tanh(inner));
  }
};

/// alpha, scale, input_scale.
struct Elu {
  static constexpr Rule kRule = Rule::kFloat;
  static constexpr size_t kParams = 3;
  template <class C>
  static C apply(C x, const C* p) {
    return x <= 0 ? std::expm1(x * p[2]) * p[0] * p[1] : x * p[1];
  }
};

Status relu(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_TRY(call.tensor(1).resize(self.shape));
  const UnaryParams params{0, std::numeric_limits<float>::infinity()};
  if (vectorized(call, UnaryOp::kClamp, params, self, call.tensor(1))) return {};
  return unary<Relu>(call);
}

struct BitwiseNot {
  template <class C>
  static C apply(C x, const C*) {
    return ~x;
  }
};

/// Flags to flags need no numbers between them.
Status logical_not(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(1);
  SMELT_TRY(out.resize(self.shape));
  if (self.dtype != DType::kBool || !alike(self, out)) return unary<LogicalNot>(call);
  const uint8_t* x = self.as<uint8_t>();
  uint8_t* y = out.as<uint8_t>();
  for (size_t i = 0, n = self.numel(); i < n; ++i) y[i] = x[i] == 0;
  return {};
}

Status bitwise_not(Call& call) {
  const Tensor& self = call.tensor(0);
  if (self.dtype == DType::kBool) return logical_not(call);
  if (is_float(self.dtype)) return invalid("no bits of a {}", smelt::name(self.dtype));
  Tensor& out = call.tensor(1);
  SMELT_TRY(out.resize(self.shape));
  const Strided in[] = {Strided(self)};
  map(call, Compute::kS64, Strided(out), in, block<BitwiseNot, int64_t>, nullptr);
  return {};
}

/// unary<F>, by a vector kernel where that is possible. The kernel's parameters are the
/// numbers in arguments 1 and 2.
template <class F, UnaryOp Op>
Status unary(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(F::kParams + 1);
  SMELT_TRY(out.resize(self.shape));
  UnaryParams params;
  if (F::kParams > 0) params.a = float(call.real(1));
  if (F::kParams > 1) params.b = float(call.real(2));
  if (vectorized(call, Op, params, self, out)) return {};
  return unary<F>(call);
}

/// Like unary(), for a function whose parameters come from elsewhere; `out` is argument
/// `out_index`.
template <class F>
Status apply(Call& call, size_t out_index, std::span<const double> numbers) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(out_index);
  SMELT_TRY(out.resize(self.shape));
  with_float(self.dtype, [&]<class C>(C) {
    C params[kParamsMax + 1];
    for (size_t i = 0; i < numbers.size(); ++i) params[i] = C(numbers[i]);
    const Strided in[] = {Strided(self)};
    map(call, ComputeOf<C>::value, Strided(out), in, block<F, C>, params);
  });
  return {};
}

Status gelu(Call& call) {
  const bool tanh = call.string(1) == "tanh";
  if (tanh || call.string(1) == "none") {
    const Tensor& self = call.tensor(0);
    SMELT_TRY(call.tensor(2).resize(self.shape));
    const UnaryOp op = tanh ? UnaryOp::kGeluTanh : UnaryOp::kGelu;
    if (vectorized(call, op, {}, self, call.tensor(2))) return {};
    return tanh ? apply<GeluTanh>(call, 2, {}) : apply<GeluErf>(call, 2, {});
  }
  return invalid("approximation \"{}\"; there are \"none\" and \"tanh\"", call.string(1));
}

struct Logit {
  template <class C>
  static C apply(C x, const C* p) {
    const C z = x < p[0] ? p[0] : x > p[1] ? p[1] : x;
    return std::log(z / (C(1) - z));
  }
};

Status logit(Call& call) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const double range[] = {call.real_or(1, -inf), call.has(1) ? 1 - call.real(1) : inf};
  return apply<Logit>(call, 2, range);
}

constexpr Operator kOperators[] = {
    with_complex({"aten::_conj_copy.out", "TW", unary<Identity>, true}, complex_conjugate),
    with_complex({"aten::_conj_physical.out", "TW", unary<Identity>, true}, complex_conjugate),
    with_complex(choosing({"aten::abs.out", "TW", unary<Abs, UnaryOp::kAbs>, true}), complex_abs),
    {"aten::acos.out", "TW", unary<Acos>, true},
    {"aten::acosh.out", "TW", unary<Acosh>, true},
    {"aten::asin.out", "TW", unary<Asin>, true},
    {"aten::asinh.out", "TW", unary<Asinh>, true},
    {"aten::atan.out", "TW", unary<Atan>, true},
    {"aten::atanh.out", "TW", unary<Atanh>, true},
    {"aten::bitwise_not.out", "TW", bitwise_not, true},
    choosing({"aten::ceil.out", "TW", unary<Ceil, UnaryOp::kCeiling>, true}),
    choosing({"aten::cos.out", "TW", unary<Cos, UnaryOp::kCos>, true}),
    {"aten::cosh.out", "TW", unary<Cosh>, true},
    {"aten::elu.out", "TSSSW", unary<Elu>, true},
    choosing({"aten::erf.out", "TW", unary<Erf, UnaryOp::kErf>, true}),
    with_complex(choosing({"aten::exp.out", "TW", unary<Exp, UnaryOp::kExp>, true}), complex_exp),
    {"aten::expm1.out", "TW", unary<Expm1>, true},
    choosing({"aten::floor.out", "TW", unary<Floor, UnaryOp::kFloor>, true}),
    choosing({"aten::gelu.out", "TZW", gelu, true}),
    choosing({"aten::hardtanh.out", "TSSW", unary<Hardtanh, UnaryOp::kClamp>, true}),
    {"aten::isinf.out", "TW", unary<IsInf>, true},
    {"aten::isnan.out", "TW", unary<IsNan>, true},
    choosing({"aten::leaky_relu.out", "TSW", unary<LeakyRelu, UnaryOp::kLeakyRelu>, true}),
    choosing({"aten::log.out", "TW", unary<Log, UnaryOp::kLog>, true}),
    {"aten::log10.out", "TW", unary<Log10>, true},
    {"aten::log1p.out", "TW", unary<Log1p>, true},
    {"aten::log2.out", "TW", unary<Log2>, true},
    {"aten::logical_not.out", "TW", logical_not, true},
    {"aten::logit.out", "TdW", logit, true},
    with_complex(choosing({"aten::neg.out", "TW", unary<Neg, UnaryOp::kNegate>, true}),
                 complex_neg),
    choosing({"aten::reciprocal.out", "TW", unary<Reciprocal, UnaryOp::kReciprocal>, true}),
    choosing({"aten::relu.out", "TW", relu, true}),
    choosing({"aten::round.out", "TW", unary<Round, UnaryOp::kRound>, true}),
    choosing({"aten::rsqrt.out", "TW", unary<Rsqrt, UnaryOp::kReciprocalSquareRoot>, true}),
    choosing({"aten::sigmoid.out", "TW", unary<Sigmoid, UnaryOp::kSigmoid>, true}),
    {"aten::sign.out", "TW", unary<Sign>, true},
    choosing({"aten::silu.out", "TW", unary<Silu, UnaryOp::kSilu>, true}),
    choosing({"aten::sin.out", "TW", unary<Sin, UnaryOp::kSin>, true}),
    {"aten::sinh.out", "TW", unary<Sinh>, true},
    choosing({"aten::sqrt.out", "TW", unary<Sqrt, UnaryOp::kSquareRoot>, true}),
    {"aten::tan.out", "TW", unary<Tan>, true},
    choosing({"aten::tanh.out", "TW", unary<Tanh, UnaryOp::kTanh>, true}),
    choosing({"aten::trunc.out", "TW", unary<Trunc, UnaryOp::kTruncate>, true}),
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> unary_operators() { return kTable; }

}  // namespace smelt::program
