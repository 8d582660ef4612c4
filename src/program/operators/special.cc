// Functions of numbers that models seldom need, element by element and in double.
#include <cmath>
#include <numbers>
#include <numeric>

#include "program/operators/complex.h"

namespace smelt::program {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// ---- one operand

/// out = F(self). Integers count as real numbers.
template <double (*F)(double)>
Status unary(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(1);
  SMELT_TRY(out.resize(self.shape));
  if (!is_float(out.dtype)) return invalid("a real number as {}", smelt::name(out.dtype));
  const BlockFn block = [](const void* const* in, void* to, size_t n, const void*) {
    const auto* x = static_cast<const double*>(in[0]);
    for (size_t i = 0; i < n; ++i) static_cast<double*>(to)[i] = F(x[i]);
  };
  const Strided in[] = {Strided(self)};
  map(call, Compute::kF64, Strided(out), in, block, nullptr);
  return {};
}

/// y >= 0 with erfc(y) = p and erf(y) = q, for p = 1 - q in (0, 1]: a first guess (Winitzki's), and
/// steps of Halley's method, each of which has three times as many digits right.
double erfc_inverse(double p, double q) {
  const double a = 0.147, log = std::log(p * (2 - p));
  const double half = 2 / (std::numbers::pi * a) + log / 2;
  double y = std::sqrt(std::sqrt(half * half - log / a) - half);
  for (int step = 0; step < 4; ++step) {
    // Near one the difference to it has more digits.
    const double error = p < 0.5 ? p - std::erfc(y) : std::erf(y) - q;
    const double u = error / (2 * std::numbers::inv_sqrtpi * std::exp(-y * y));
    y -= u / (1 + u * y);
  }
  return y;
}
double erfinv(double x) {
  if (!(std::abs(x) < 1)) return std::abs(x) == 1 ? x * kInf : kNan;
  return std::copysign(erfc_inverse(1 - std::abs(x), std::abs(x)), x);
}

/// The quantile function of the normal distribution.
double ndtri(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -kInf : p == 1 ? kInf : kNan;
  return p < 0.5 ? -std::numbers::sqrt2 * erfc_inverse(2 * p, 1 - 2 * p)
                 : std::numbers::sqrt2 * erfc_inverse(2 * (1 - p), 2 * p - 1);
}

/// exp(x²)·erfc(x)
double erfcx(double x) {
  if (x < 8) return std::exp(x * x) * std::erfc(x);
  if (x != x) return x;
  double sum = 1, term = 1;  // the series that it approaches
  for (int k = 1; k < 40; ++k) sum += term *= -(2 * k - 1) / (2 * x * x);
  return std::numbers::inv_sqrtpi / x * sum;
}

/// The logarithm of the distribution function of the normal distribution.
double log_ndtr(double x) {
  const double t = x / std::numbers::sqrt2;
  return x < -1 ? std::log(erfcx(-t) / 2) - t * t : std::log1p(-std::erfc(t) / 2);
}

double entropy(double x) { return x > 0 ? -x * std::log(x) : x == 0 ? 0 : x != x ? x : -kInf; }

double lgamma(double x) {
  int sign;  // std::lgamma leaves it where all threads do
  return std::isinf(x) ? kInf : ::lgamma_r(x, &sign);
}

/// The derivative of lgamma: from large arguments, where its series converges, down to small ones,
/// and by reflection to negative ones.
double digamma(double x) {
  if (x == 0) return std::copysign(kInf, -x);
  if (x < 0) {
    double whole;
    const double rest = std::modf(x, &whole);
    if (rest == 0 || std::isinf(x)) return kNan;
    return digamma(1 - x) - std::numbers::pi / std::tan(std::numbers::pi * rest);
  }
  double sum = 0;
  for (; x < 10; ++x) sum -= 1 / x;
  // Bernoulli's numbers over twice their index.
  constexpr double kSeries[] = {1.0 / 12,  -1.0 / 120,     1.0 / 252, -1.0 / 240,
                                1.0 / 132, -691.0 / 32760, 1.0 / 12};
  const double z = 1 / (x * x);
  double tail = 0;
  for (size_t k = std::size(kSeries); k-- > 0;) tail = (tail + kSeries[k]) * z;
  return sum + std::log(x) - 0.5 / x - tail;
}

/// The modified Bessel function of order zero or one, perhaps over exp(|x|): its series, or what it
/// approaches.
template <int Order, bool Scaled>
double bessel_i(double signed_x) {
  const double x = std::abs(signed_x);
  const double sign = Order == 1 && signed_x < 0 ? -1 : 1;
  if (x != x) return signed_x;
  if (x < 25) {
    double sum = Order == 1 ? x / 2 : 1, term = sum;
    for (int k = 1; term > sum * 1e-17; ++k) sum += term *= x * x / (4.0 * k * (k + Order));
    return sign * (Scaled ? sum * std::exp(-x) : sum);
  }
  if (std::isinf(x)) return Scaled ? 0 : sign * kInf;
  double sum = 1, term = 1;
  for (int k = 1; k < 30; ++k) {
    sum += term *= ((2 * k - 1) * (2 * k - 1) - 4 * Order) / (8 * x * k);
  }
  sum /= std::sqrt(2 * std::numbers::pi * x);
  return sign * (Scaled ? sum : std::exp(x / 2) * sum * std::exp(x / 2));
}

/// Σ (x + k)^-s over k >= 0, for x > 0: term by term, and the rest by Euler's and Maclaurin's
/// formula.
double zeta(int64_t s, double x) {
  const auto n = double(s);
  double sum = 0;
  for (int k = 0; k < 12; ++k, ++x) sum += std::pow(x, -n);
  // Bernoulli's numbers over the factorials of their index.
  constexpr double kSeries[] = {1.0 / 12,       -1.0 / 720,     1.0 / 30240,
                                -1.0 / 1209600, 1.0 / 47900160, -691.0 / 1307674368000.0};
  const double power = std::pow(x, -n);
  sum += power * (x / (n - 1) + 0.5);
  double factor = n * power / x;
  for (size_t k = 0; k < std::size(kSeries) && factor != 0; ++k) {
    sum += kSeries[k] * factor;
    factor *= (n + double(2 * k) + 1) * (n + double(2 * k) + 2) / (x * x);
  }
  return sum;
}

/// Derivative `n` of digamma.
double polygamma(int64_t n, double x) {
  if (n == 0) return digamma(x);
  if (x != x) return x;
  if (std::isinf(x)) return x > 0 ? 0 : kNan;
  const double sign = n % 2 == 0 ? -1 : 1, scale = std::exp(lgamma(double(n) + 1));
  const int64_t s = n + 1;
  if (x > 0) return sign * scale * zeta(s, x);
  // Below zero: the terms from x up to its fraction, and those beyond zero.
  const double rest = x - std::floor(x);
  if (rest == 0) return sign * kInf;
  const double below = rest - 1;  // in (-1, 0)
  const double ends = zeta(s, -below) - zeta(s, 1 - x);
  return sign * scale * (zeta(s, rest) + (s % 2 == 0 ? ends : -ends));
}

/// (n, self, out)
Status polygamma(Call& call) {
  const int64_t n = call.integer(0);
  const Tensor& self = call.tensor(1);
  Tensor& out = call.tensor(2);
  if (n < 0 || n > 170) return invalid("derivative {} of digamma", n);
  if (!is_float(out.dtype)) return invalid("a real number as {}", smelt::name(out.dtype));
  SMELT_TRY(out.resize(self.shape));
  const BlockFn block = [](const void* const* in, void* to, size_t count, const void* p) {
    const auto* x = static_cast<const double*>(in[0]);
    for (size_t i = 0; i < count; ++i) {
      static_cast<double*>(to)[i] = polygamma(*static_cast<const int64_t*>(p), x[i]);
    }
  };
  const Strided in[] = {Strided(self)};
  map(call, Compute::kF64, Strided(out), in, block, &n);
  return {};
}

double frac(double x) { return x - std::trunc(x); }
double hardsigmoid(double x) { return x != x ? x : std::min(std::max(x + 3, 0.0), 6.0) / 6; }
double hardswish(double x) { return x <= -3 ? 0.0 * (x == x) : x >= 3 ? x : x * (x + 3) / 6; }
double logsigmoid(double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); }
double mish(double x) {
  // tanh(log(1 + e^x)) without the logarithm.
  if (x > 30) return x;
  const double e = std::exp(x), n = e * (e + 2);
  return x == -kInf ? -0.0 : x * n / (n + 2);
}
double sinc(double x) {
  return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
}
double degrees(double x) { return x * (180 / std::numbers::pi); }
double radians(double x) { return x * (std::numbers::pi / 180); }
double angle(double x) { return x != x ? x : x < 0 ? std::numbers::pi : 0; }

/// out = F(self, numbers in arguments [1, 1 + Params)), in the type of self.
template <size_t Params, double (*F)(double, const double*)>
Status with_numbers(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(1 + Params);
  if (!is_float(self.dtype) || out.dtype != self.dtype) {
    return invalid("{} as {}", smelt::name(self.dtype), smelt::name(out.dtype));
  }
  SMELT_TRY(out.resize(self.shape));
  double numbers[Params];
  for (size_t i = 0; i < Params; ++i) numbers[i] = call.real(1 + i);
  const BlockFn block = [](const void* const* in, void* to, size_t n, const void* p) {
    const auto* x = static_cast<const double*>(in[0]);
    for (size_t i = 0; i < n; ++i) {
      static_cast<double*>(to)[i] = F(x[i], static_cast<const double*>(p));
    }
  };
  const Strided in[] = {Strided(self)};
  map(call, Compute::kF64, Strided(out), in, block, numbers);
  return {};
}

double celu(double x, const double* p) { return x > 0 ? x : p[0] * std::expm1(x / p[0]); }
double hardshrink(double x, const double* p) { return x >= -p[0] && x <= p[0] ? 0 : x; }
double softshrink(double x, const double* p) {
  return x > p[0] ? x - p[0] : x < -p[0] ? x + p[0] : x * 0;
}
double threshold(double x, const double* p) { return x <= p[0] ? p[1] : x; }
double softplus(double x, const double* p) {
  return x * p[0] > p[1] ? x : std::log1p(std::exp(x * p[0])) / p[0];
}

/// (self, nan?, positive infinity?, negative infinity?, out); without a number, zero and the
/// largest ones of the type.
Status nan_to_num(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(4);
  if (out.dtype != self.dtype) {
    return invalid("{} as {}", smelt::name(self.dtype), smelt::name(out.dtype));
  }
  SMELT_TRY(out.resize(self.shape));
  if (!is_float(self.dtype)) {
    copy(call, Strided(out), Strided(self));
    return {};
  }
  const double largest = self.dtype == DType::kF64   ? std::numeric_limits<double>::max()
                         : self.dtype == DType::kF32 ? double(std::numeric_limits<float>::max())
                         : self.dtype == DType::kF16 ? 65504
                                                     : 0x1.FEp127;
  const double numbers[] = {call.real_or(1, 0), call.real_or(2, largest),
                            call.real_or(3, -largest)};
  const BlockFn block = [](const void* const* in, void* to, size_t n, const void* p) {
    const auto *x = static_cast<const double*>(in[0]), *v = static_cast<const double*>(p);
    for (size_t i = 0; i < n; ++i) {
      static_cast<double*>(to)[i] = x[i] != x[i]    ? v[0]
                                    : x[i] == kInf  ? v[1]
                                    : x[i] == -kInf ? v[2]
                                                    : x[i];
    }
  };
  const Strided in[] = {Strided(self)};
  map(call, Compute::kF64, Strided(out), in, block, numbers);
  return {};
}

/// Whether F(self): a flag for each element.
template <bool (*F)(double)>
Status flag(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(1);
  SMELT_TRY(out.resize(self.shape));
  const BlockFn block = [](const void* const* in, void* to, size_t n, const void*) {
    const auto* x = static_cast<const double*>(in[0]);
    for (size_t i = 0; i < n; ++i) static_cast<double*>(to)[i] = F(x[i]);
  };
  const Strided in[] = {Strided(self)};
  map(call, Compute::kF64, Strided(out), in, block, nullptr);
  return {};
}
bool is_negative_infinity(double x) { return x == -kInf; }
bool is_positive_infinity(double x) { return x == kInf; }
bool is_signed(double x) { return std::signbit(x); }

// ---- two operands

/// A tensor, or a number that argument `v` is.
Strided operand(const EValue& v, CommonType& common, double& number) {
  if (v.kind == Kind::kTensor) {
    common.add(*v.tensor);
    return Strided(*v.tensor);
  }
  common.add(v);
  number = v.to_double();
  return Strided(reinterpret_cast<std::byte*>(&number), DType::kF64, {}, {});
}

enum class Numbers { kReal, kSame, kWhole };

/// out = F(self, other), which broadcast. The result is real, of the common type, or whole.
template <Numbers N, auto F>
Status binary(Call& call) {
  CommonType common;
  double a, b;
  const Strided in[] = {operand(call.scalar(0), common, a), operand(call.scalar(1), common, b)};
  Tensor& out = call.tensor(2);
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(in[0].shape, in[1].shape));
  SMELT_TRY(out.resize(shape));
  DType type = common.get();
  if (N == Numbers::kReal && !is_float(type)) type = DType::kF32;
  if (N == Numbers::kWhole && (!is_integer(type) || out.dtype != type)) {
    return invalid("whole numbers of {} as {}", smelt::name(type), smelt::name(out.dtype));
  }
  SMELT_TRY(check_cast(type, out.dtype));
  // Where they only choose, whole numbers keep all their digits.
  const Compute compute = is_float(type) ? Compute::kF64 : Compute::kS64;
  with_compute(compute, [&]<class C>(C) {
    if constexpr (std::is_invocable_v<decltype(F), C, C>) {
      const BlockFn block = [](const void* const* from, void* to, size_t n, const void*) {
        const C *x = static_cast<const C*>(from[0]), *y = static_cast<const C*>(from[1]);
        for (size_t i = 0; i < n; ++i) static_cast<C*>(to)[i] = C(F(x[i], y[i]));
      };
      map(call, compute, Strided(out), in, block, nullptr);
    }
  });
  return {};
}

constexpr auto kCopysign = [](std::same_as<double> auto a, double b) {
  return std::copysign(a, b);
};
constexpr auto kHypot = [](std::same_as<double> auto a, double b) { return std::hypot(a, b); };
constexpr auto kXlogy = [](std::same_as<double> auto a, double b) {
  return b != b ? b : a == 0 ? 0 : a * std::log(b);
};
constexpr auto kXlog1py = [](std::same_as<double> auto a, double b) {
  return b != b ? b : a == 0 ? 0 : a * std::log1p(b);
};
constexpr auto kLogaddexp = [](std::same_as<double> auto a, double b) {
  const double top = std::max(a, b);
  if (a != a || b != b) return a + b;
  return std::isinf(top) ? top : top + std::log1p(std::exp(-std::abs(a - b)));
};
/// A NaN counts only beside another.
constexpr auto kFmax = [](auto a, decltype(a) b) { return b != b || a > b ? a : b; };
constexpr auto kFmin = [](auto a, decltype(a) b) { return b != b || a < b ? a : b; };
constexpr auto kHeaviside = [](auto a, decltype(a) b) {
  return a == 0 ? b : a > 0 ? decltype(a)(1) : decltype(a)(0);
};
int64_t gcd(int64_t a, int64_t b) {
  auto x = uint64_t(a < 0 ? wrap_sub(0, a) : a), y = uint64_t(b < 0 ? wrap_sub(0, b) : b);
  while (y != 0) x = std::exchange(y, x % y);
  return int64_t(x);
}
constexpr auto kGcd = [](std::same_as<int64_t> auto a, int64_t b) { return gcd(a, b); };
constexpr auto kLcm = [](std::same_as<int64_t> auto a, int64_t b) {
  const int64_t g = gcd(a, b);
  const int64_t product = g == 0 ? 0 : wrap_mul(a / g, b);
  return product < 0 ? wrap_sub(0, product) : product;
};

// ---- three operands

/// out = F(self, a, b, number): F gets the number in argument 3, where there is one.
template <bool HasNumber, auto F>
Status ternary(Call& call) {
  CommonType common;
  double third;
  const Strided in[] = {operand(call.scalar(0), common, third),
                        operand(call.scalar(1), common, third),
                        operand(call.scalar(2), common, third)};
  Tensor& out = call.tensor(HasNumber ? 4 : 3);
  SMELT_ASSIGN(Shape shape, broadcast_shapes(in[0].shape, in[1].shape));
  SMELT_ASSIGN(shape, broadcast_shapes(shape, in[2].shape));
  SMELT_TRY(out.resize(shape));
  SMELT_TRY(check_cast(common.get(), out.dtype));
  with_compute(is_float(common.get()) ? Compute::kF64 : Compute::kS64, [&]<class C>(C) {
    const C number = HasNumber ? program::number<C>(call.scalar(3)) : C(1);
    const BlockFn block = [](const void* const* from, void* to, size_t n, const void* p) {
      const C *x = static_cast<const C*>(from[0]), *a = static_cast<const C*>(from[1]);
      const C *b = static_cast<const C*>(from[2]), v = *static_cast<const C*>(p);
      for (size_t i = 0; i < n; ++i) static_cast<C*>(to)[i] = F(x[i], a[i], b[i], v);
    };
    map(call, ComputeOf<C>::value, Strided(out), in, block, &number);
  });
  return {};
}
constexpr auto kAddcmul = []<class C>(C x, C a, C b, C v) { return add(x, mul(v, mul(a, b))); };
constexpr auto kAddcdiv = []<class C>(C x, C a, C b, C v) {
  if constexpr (std::is_same_v<C, int64_t>) {
    return x;  // refused before
  } else {
    return x + v * (a / b);
  }
};
constexpr auto kLerp = []<class C>(C x, C end, C weight, C) {
  return add(x, mul(weight, sub(end, x)));
};
Status addcdiv(Call& call) {
  if (!is_float(call.tensor(4).dtype)) return invalid("integers divided");
  return ternary<true, kAddcdiv>(call);
}

constexpr Operator kOperators[] = {
    {"aten::addcdiv.out", "TTTSW", addcdiv, true},
    {"aten::addcmul.out", "TTTSW", ternary<true, kAddcmul>, true},
    with_complex({"aten::angle.out", "TW", unary<angle>, true}, complex_angle),
    {"aten::celu.out", "TSW", with_numbers<1, celu>, true},
    moving({"aten::complex.out", "TTW", complex_of_parts, true}),
    {"aten::copysign.Scalar_out", "TSW", binary<Numbers::kReal, kCopysign>, true},
    {"aten::copysign.out", "TTW", binary<Numbers::kReal, kCopysign>, true},
    {"aten::deg2rad.out", "TW", unary<radians>, true},
    {"aten::digamma.out", "TW", unary<digamma>, true},
    {"aten::erfc.out", "TW", unary<std::erfc>, true},
    {"aten::erfinv.out", "TW", unary<erfinv>, true},
    {"aten::exp2.out", "TW", unary<std::exp2>, true},
    {"aten::fmax.out", "TTW", binary<Numbers::kSame, kFmax>, true},
    {"aten::fmin.out", "TTW", binary<Numbers::kSame, kFmin>, true},
    {"aten::frac.out", "TW", unary<frac>, true},
    {"aten::gcd.out", "TTW", binary<Numbers::kWhole, kGcd>, true},
    {"aten::hardshrink.out", "TSW", with_numbers<1, hardshrink>, true},
    {"aten::hardsigmoid.out", "TW", unary<hardsigmoid>, true},
    {"aten::hardswish.out", "TW", unary<hardswish>, true},
    {"aten::heaviside.out", "TTW", binary<Numbers::kSame, kHeaviside>, true},
    {"aten::hypot.out", "TTW", binary<Numbers::kReal, kHypot>, true},
    {"aten::i0.out", "TW", unary<bessel_i<0, false>>, true},
    {"aten::isneginf.out", "TW", flag<is_negative_infinity>, true},
    {"aten::isposinf.out", "TW", flag<is_positive_infinity>, true},
    {"aten::lcm.out", "TTW", binary<Numbers::kWhole, kLcm>, true},
    {"aten::lerp.Scalar_out", "TTSW", ternary<false, kLerp>, true},
    {"aten::lerp.Tensor_out", "TTTW", ternary<false, kLerp>, true},
    {"aten::lgamma.out", "TW", unary<lgamma>, true},
    {"aten::log_sigmoid.out", "TW", unary<logsigmoid>, true},
    {"aten::logaddexp.out", "TTW", binary<Numbers::kReal, kLogaddexp>, true},
    {"aten::mish.out", "TW", unary<mish>, true},
    {"aten::nan_to_num.out", "TdddW", nan_to_num, true},
    {"aten::polygamma.out", "ITW", polygamma, true},
    moving({"aten::polar.out", "TTW", complex_polar, true}),
    {"aten::rad2deg.out", "TW", unary<degrees>, true},
    {"aten::signbit.out", "TW", flag<is_signed>, true},
    {"aten::sinc.out", "TW", unary<sinc>, true},
    {"aten::softplus.out", "TSSW", with_numbers<2, softplus>, true},
    {"aten::softshrink.out", "TSW", with_numbers<1, softshrink>, true},
    {"aten::special_bessel_j0.out", "TW", unary<::j0>, true},
    {"aten::special_bessel_j1.out", "TW", unary<::j1>, true},
    {"aten::special_entr.out", "TW", unary<entropy>, true},
    {"aten::special_erfcx.out", "TW", unary<erfcx>, true},
    {"aten::special_i0.out", "TW", unary<bessel_i<0, false>>, true},
    {"aten::special_i0e.out", "TW", unary<bessel_i<0, true>>, true},
    {"aten::special_i1.out", "TW", unary<bessel_i<1, false>>, true},
    {"aten::special_i1e.out", "TW", unary<bessel_i<1, true>>, true},
    {"aten::special_log_ndtr.out", "TW", unary<log_ndtr>, true},
    {"aten::special_ndtri.out", "TW", unary<ndtri>, true},
    {"aten::special_xlog1py.out", "TTW", binary<Numbers::kReal, kXlog1py>, true},
    {"aten::threshold.out", "TSSW", with_numbers<2, threshold>, true},
    {"aten::xlogy.OutScalar_Other", "TSW", binary<Numbers::kReal, kXlogy>, true},
    {"aten::xlogy.OutScalar_Self", "STW", binary<Numbers::kReal, kXlogy>, true},
    {"aten::xlogy.OutTensor", "TTW", binary<Numbers::kReal, kXlogy>, true},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> special_operators() { return kTable; }

}  // namespace smelt::program
