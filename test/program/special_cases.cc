// Functions that models seldom need, element by element.
#include <complex>
#include <functional>
#include <numbers>
#include <numeric>

#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

const Shape kShapes[] = {{2, 3, 4}, {}, {5}, {0, 3}};
const Values kSpecials = {0, -0.0, 1, -1, 0.5, -2.5, 3, 30, -30, kInf, -kInf, kNan};

using Numbers = std::vector<double>;
using Function = double (*)(double);

/// out = f(x) for reals; integers give float32 if they may come.
void one_operand(Subject& s, const std::function<double(double)>& f, const Numbers& numbers = {},
                 bool integers = true, double scale = 4) {
  const auto check = [&](const Array& x, const OperatorProgram::Order& order = {}) {
    const DType out = real_type(x.type) ? x.type : DType::kF32;
    OperatorProgram call = s.call();
    call.tensor(x, order);
    for (const double v : numbers) call.real(v);
    call.out(out, order);
    s.expect(call, Array::make(out, x.shape, [&](size_t i) { return f(x.v[i]); }), scale);
  };
  for (const DType t : integers ? std::span(kRealsAndBool) : std::span<const DType>(kFloats)) {
    SCOPED_TRACE(smelt::name(t));
    for (const Shape& shape : kShapes) check(sample(t, shape));
    check(sample(t, {2, 3, 2, 4}), {0, 2, 3, 1});
    if (real_type(t)) check(Array(t, {int64_t(kSpecials.size())}, kSpecials));
  }
}
template <Function F>
void plain(Subject& s) {
  one_operand(s, F);
}

/// Values of mathematical tables.
struct Known {
  double x, y;
};
void known(Subject& s, std::span<const Known> table) {
  for (const DType t : {DType::kF64, DType::kF32}) {
    for (const auto& [x, y] : table) {
      if (t == DType::kF32 && double(float(x)) != x && std::isfinite(x)) continue;
      OperatorProgram call = s.call();
      call.tensor(Array(t, {1}, {x})).out(t);
      s.expect(call, Array(t, {1}, {y}), 4);
    }
  }
}

void erfinv(Subject& s) {
  // There and back again, over all of the range and close to its ends.
  for (const double y : {0.0, 1e-12, 0.01, 0.2, 0.4, 0.5, 0.9, 1.5, 2.0, 3.0, 4.0}) {
    for (const double sign : {1.0, -1.0}) {
      const double x = std::erf(sign * y);
      OperatorProgram call = s.call();
      call.tensor(Array(DType::kF64, {1}, {x})).out(DType::kF64);
      // A rounding of x is that many of y.
      const double derivative = std::sqrt(std::numbers::pi) / 2 * std::exp(y * y);
      s.expect(call, Array(DType::kF64, {1}, {sign * y}), 1 + derivative * 1e-3);
    }
  }
  constexpr Known kTable[] = {{0, 0},
                              {0.5, 0.47693627620446987},
                              {-0.5, -0.47693627620446987},
                              {1, kInf},
                              {-1, -kInf},
                              {1.5, kNan},
                              {kNan, kNan},
                              {-kInf, kNan}};
  known(s, kTable);
  OperatorProgram integers = s.call();
  integers.tensor(Array(DType::kS32, {2}, {0, 1})).out(DType::kF32);
  s.expect(integers, Array(DType::kF32, {2}, {0, kInf}));
}

void lgamma(Subject& s) {
  // Γ(x + 1) = x·Γ(x) from Γ(1) and Γ(1/2).
  double whole = 0, half = std::log(std::numbers::pi) / 2;
  for (double x = 1; x < 30; ++x) {
    const Known table[] = {{x, whole}, {x - 0.5, half}};
    known(s, table);
    whole += std::log(x);
    half += std::log(x - 0.5);
  }
  constexpr Known kTable[] = {
      {0, kInf},    {-0.0, kInf},  {-1, kInf},  {-2.5, -0.05624371649767405},
      {kInf, kInf}, {-kInf, kInf}, {kNan, kNan}};
  known(s, kTable);
}

void digamma(Subject& s) {
  // ψ(x + 1) = ψ(x) + 1/x from ψ(1) = −γ and ψ(1/2) = −γ − 2·log 2, also downwards.
  double whole = -std::numbers::egamma, half = whole - 2 * std::numbers::ln2;
  for (double x = 1; x < 30; ++x) {
    const Known table[] = {{x, whole}, {x - 0.5, half}};
    known(s, table);
    whole += 1 / x;
    half += 1 / (x - 0.5);
  }
  half = -std::numbers::egamma - 2 * std::numbers::ln2;
  for (double x = -0.5; x > -8; --x) {
    half -= 1 / x;
    const Known table[] = {{x, half}};
    known(s, table);
  }
  constexpr Known kTable[] = {{0, -kInf},   {-0.0, kInf},  {-1, kNan},  {-30, kNan},
                              {kInf, kInf}, {-kInf, kNan}, {kNan, kNan}};
  known(s, kTable);
}

/// The mean over a circle: for a smooth periodic function, of equidistant points.
double circle_mean(const std::function<double(double)>& f) {
  double sum = 0;
  for (int k = 0; k < 400; ++k) sum += f(2 * std::numbers::pi * k / 400);
  return sum / 400;
}

/// The mean of cos(n·θ)·exp(x·cos θ) over a circle; `Scaled`: over exp(|x|).
template <int Order, bool Scaled>
void bessel_i(Subject& s) {
  const auto scaled = [](double x) {
    return circle_mean([&](double theta) {
      return std::cos(Order * theta) * std::exp(x * std::cos(theta) - std::abs(x));
    });
  };
  one_operand(s, [&](double x) {
    if (std::isnan(x)) return x;
    if (std::isinf(x)) return Scaled ? 0 : Order == 1 ? x : kInf;
    return scaled(x) * (Scaled ? 1 : std::exp(std::abs(x)));
  });
  for (const double x : {20.0, 24.75, 25.0, 50.0, 90.0, -25.5}) {
    OperatorProgram call = s.call();
    call.tensor(Array(DType::kF64, {1}, {x})).out(DType::kF64);
    const double wanted = scaled(x) * (Scaled ? 1 : std::exp(std::abs(x)));
    s.expect(call, Array(DType::kF64, {1}, {wanted}), 4);
  }
}

/// The mean of cos(n·θ - x·sin θ) over a circle.
template <int Order>
void bessel_j(Subject& s) {
  one_operand(s, [](double x) {
    if (!std::isfinite(x)) return std::isnan(x) ? x : 0;
    return circle_mean([&](double theta) { return std::cos(Order * theta - x * std::sin(theta)); });
  });
}

void erfcx(Subject& s) {
  one_operand(s, [](double x) {
    if (x < 5) return std::exp(x * x) * std::erfc(x);
    // The continued fraction from its end.
    double f = x;
    for (int k = 200; k > 0; --k) f = x + k / 2.0 / f;
    return std::numbers::inv_sqrtpi / f;
  });
  const Known table[] = {{0.5, 0.61569034419292590},
                         {1, 0.42758357615580700},
                         {10, 0.05614099274382259},
                         {100, 0.005641613782989433}};
  known(s, table);
}

void log_ndtr(Subject& s) {
  one_operand(s, [](double x) {
    if (x > -5) return std::log(std::erfc(-x / std::numbers::sqrt2) / 2);
    if (std::isinf(x)) return x;
    double f = -x;
    for (int k = 300; k > 0; --k) f = -x + k / f;
    return -x * x / 2 - std::log(f) - std::log(2 * std::numbers::pi) / 2;
  });
}

void ndtri(Subject& s) {
  // There and back again.
  for (const double x : {0.0, 1e-9, 0.1, 0.7, 1.5, 3.0, 5.0, 8.0, 20.0, 36.0}) {
    const double p = std::erfc(x / std::numbers::sqrt2) / 2;
    OperatorProgram call = s.call();
    call.tensor(Array(DType::kF64, {1}, {p})).out(DType::kF64);
    s.expect(call, Array(DType::kF64, {1}, {-x}), 4);
  }
  constexpr Known kTable[] = {{0.5, 0},      {0, -kInf}, {1, kInf},   {0.75, 0.67448975019608171},
                              {-0.25, kNan}, {2, kNan},  {kNan, kNan}};
  known(s, kTable);
  OperatorProgram integers = s.call();
  integers.tensor(Array(DType::kS32, {2}, {0, 1})).out(DType::kF32);
  s.expect(integers, Array(DType::kF32, {2}, {-kInf, kInf}));
}

double entropy(double x) { return x == 0 ? 0 : x < 0 ? -kInf : -x * std::log(x); }

void polygamma(Subject& s) {
  constexpr double pi = std::numbers::pi, zeta3 = 1.2020569031595942;
  const auto check = [&](int64_t n, double x, double y) {
    for (const DType t : {DType::kF64, DType::kF32}) {
      OperatorProgram call = s.call();
      call.integer(n).tensor(Array(t, {1}, {x})).out(t);
      s.expect(call, Array(t, {1}, {y}), 4);
    }
  };
  // ψₙ(x + 1) = ψₙ(x) + (-1)ⁿ·n!/x^(n + 1), up and down from 1/2.
  const double first[] = {-std::numbers::egamma - 2 * std::numbers::ln2, pi * pi / 2, -14 * zeta3,
                          std::pow(pi, 4)};
  for (int64_t n = 0; n < 4; ++n) {
    const double sign = n % 2 == 0 ? 1 : -1, scale = sign * std::tgamma(double(n) + 1);
    double y = first[n];
    for (double x = 0.5; x < 40; ++x) {
      check(n, x, y);
      y += scale / std::pow(x, double(n) + 1);
    }
    y = first[n];
    for (double x = -0.5; x > -20; --x) {
      y -= scale / std::pow(x, double(n) + 1);
      check(n, x, y);
    }
    check(n, kNan, kNan);
  }
  check(1, 1, pi * pi / 6);
  // From far below zero, less a tail of what is about its inverse.
  check(1, -1000000.5, pi * pi - 1 / 1000001.0);
  check(2, 1, -2 * zeta3);
  check(1, -3, kInf);
  check(1, kInf, 0);
  OperatorProgram integers = s.call();
  integers.integer(1).tensor(Array(DType::kS32, {1}, {1})).out(DType::kF32);
  s.expect(integers, Array(DType::kF32, {1}, {pi * pi / 6}));
  OperatorProgram negative = s.call();
  s.refuse(negative.integer(-1).tensor(Array(DType::kF32, {1}, {1})).out(DType::kF32));
}

double frac(double x) { return std::isinf(x) ? kNan : x - std::trunc(x); }
double sinc(double x) {
  return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
}
double hardsigmoid(double x) { return std::isnan(x) ? x : std::clamp(x / 6 + 0.5, 0.0, 1.0); }
double hardswish(double x) { return x == -kInf ? 0 : x * hardsigmoid(x); }
double logsigmoid(double x) { return x < -600 ? x : -std::log1p(std::exp(-x)); }
double mish(double x) { return x == -kInf ? 0 : x * std::tanh(std::log1p(std::exp(x))); }
double radians(double x) { return x * std::numbers::pi / 180; }
double degrees(double x) { return x / std::numbers::pi * 180; }
double angle(double x) { return std::isnan(x) ? x : x < 0 ? std::numbers::pi : 0; }

const std::pair<DType, DType> kComplex[] = {
    {DType::kC32, DType::kF16}, {DType::kC64, DType::kF32}, {DType::kC128, DType::kF64}};
void angles(Subject& s) {
  plain<angle>(s);
  for (const auto& [complex, real] : kComplex) {
    OperatorProgram call = s.call();
    call.tensor(Array(complex, {5}, {1, 1, -2, 0, 0, -3, 0, 0, -1, -1})).out(real);
    constexpr double pi = std::numbers::pi;
    s.expect(call, Array(real, {5}, {pi / 4, pi, -pi / 2, 0, -3 * pi / 4}));
  }
}

/// Complex numbers of two reals, which broadcast.
void of_two(Subject& s, std::complex<double> (*f)(double, double)) {
  for (const auto& [complex, real] : kComplex) {
    const Array a = sample(real, {3, 1}), b = sample(real, {2, 1, 4}, 1);
    Array wanted(complex, {2, 3, 4}, {});
    for_each_index(wanted.shape, [&](const Index& i) {
      const auto z = f(a({i[1], 0}), b({i[0], 0, i[2]}));
      wanted.v.insert(wanted.v.end(), {stored(complex, z.real()), stored(complex, z.imag())});
    });
    OperatorProgram call = s.call();
    s.expect(call.tensor(a).tensor(b).out(complex), wanted, 4);
    OperatorProgram types = s.call();
    s.refuse(types.tensor(a).tensor(sample(DType::kBF16, {3, 1})).out(complex));
    OperatorProgram shapes = s.call();
    s.refuse(shapes.tensor(a).tensor(sample(real, {2, 2})).out(complex));
    OperatorProgram reals = s.call();
    s.refuse(reals.tensor(a).tensor(b).out(real));
  }
}
void complex_of_parts(Subject& s) {
  of_two(s, [](double a, double b) { return std::complex<double>(a, b); });
}
void polar(Subject& s) {
  of_two(s, [](double a, double b) { return a * std::exp(std::complex<double>(0, b)); });
}

void celu(Subject& s) {
  one_operand(
      s, [](double x) { return x > 0 ? x : 1.5 * std::expm1(x / 1.5); }, {1.5}, false);
}
void hardshrink(Subject& s) {
  one_operand(
      s, [](double x) { return std::abs(x) <= 0.75 ? 0 : x; }, {0.75}, false);
}
void softshrink(Subject& s) {
  one_operand(
      s,
      [](double x) {
        return std::isnan(x) ? x : x > 0.75 ? x - 0.75 : x < -0.75 ? x + 0.75 : 0;
      },
      {0.75}, false);
}
void threshold(Subject& s) {
  one_operand(
      s, [](double x) { return x <= 0.75 ? -8 : x; }, {0.75, -8}, false);
}
void softplus(Subject& s) {
  one_operand(
      s, [](double x) { return 2 * x > 4 ? x : std::log1p(std::exp(2 * x)) / 2; }, {2, 4}, false);
}

void nan_to_num(Subject& s) {
  for (const DType t : kFloats) {
    const Array x(t, {5}, {kNan, kInf, -kInf, 1, -2});
    OperatorProgram call = s.call();
    call.tensor(x).real(7).real(8).none().out(t);
    const Array& y = call();
    EXPECT_TRUE(std::isfinite(y.v[2]) && y.v[2] < -6e4) << y.v[2];
    EXPECT_EQ(stored(t, y.v[2]), y.v[2]);
    // Nothing of the type is smaller.
    EXPECT_FALSE(std::isfinite(stored(t, y.v[2] * (t == DType::kF64 ? 1.1 : 1.01)))) << y.v[2];
    Array wanted(t, {5}, {7, 8, 0, 1, -2});
    wanted.v[2] = y.v[2];
    s.expect(y, wanted);
  }
  OperatorProgram whole = s.call();
  whole.tensor(sample(DType::kS32, {3})).none().none().none().out(DType::kS32);
  s.expect(whole, sample(DType::kS32, {3}));
}

template <bool (*F)(double)>
void flag(Subject& s) {
  for (const DType t : kReals) {
    for (const Array& x :
         {sample(t, {2, 3}),
          Array(t, {5}, real_type(t) ? Values{0, -0.0, kInf, -kInf, 1} : Values{0, 0, 1, 2, 3})}) {
      OperatorProgram call = s.call();
      call.tensor(x).out(DType::kBool);
      s.expect(call, Array::make(DType::kBool, x.shape, [&](size_t i) { return F(x.v[i]); }));
    }
  }
}
bool is_negative_infinity(double x) { return x == -kInf; }
bool is_positive_infinity(double x) { return x == kInf; }
bool is_signed(double x) { return std::signbit(x); }

// ---- several operands

enum class Result { kReal, kSame };
enum class Number { kNone, kFirst, kSecond };
using Two = double (*)(double, double);

template <Two F, Result R, Number N = Number::kNone>
void two_operands(Subject& s, std::span<const DType> types = kReals, bool specials = true) {
  const auto check = [&](const Array& x, const Array& y) {
    const DType common = promoted(x.type, y.type);
    const DType out = R == Result::kReal && !real_type(common) ? DType::kF32 : common;
    OperatorProgram call = s.call();
    N == Number::kFirst ? call.real(x.v[0]) : call.tensor(x);
    N == Number::kSecond ? call.real(y.v[0]) : call.tensor(y);
    call.out(out);
    // [n, 1] or [1] with [n].
    Array wanted(out,
                 x.shape.rank() > y.shape.rank()
                     ? Shape{x.shape[0], y.shape.numel() == 1 ? 1 : y.shape[0]}
                     : y.shape,
                 {});
    if (N == Number::kSecond) wanted.shape = x.shape;
    for (size_t i = 0; i < wanted.shape.numel(); ++i) {
      const size_t n = wanted.shape.rank() == 0 ? 1 : size_t(wanted.shape.back());
      const double a = x.v.size() == 1 ? x.v[0] : x.shape.rank() == 2 ? x.v[i / n] : x.v[i];
      const double b = y.v.size() == 1 ? y.v[0] : x.shape.rank() == 2 ? y.v[i % n] : y.v[i];
      wanted.v.push_back(stored(out, F(a, b)));
    }
    s.expect(call, wanted, 4);
  };
  for (const DType t : types) {
    SCOPED_TRACE(smelt::name(t));
    if (N == Number::kNone) {
      check(sample(t, {5, 1}), sample(t, {7}, 3));
      check(sample(t, {6}), sample(t, {6}, 2));
      check(sample(t, {}), sample(t, {}, 2));
      check(sample(t, {0}), sample(t, {0}));
      if (real_type(t) && specials) {
        const auto n = int64_t(kSpecials.size());
        check(Array(t, {n, 1}, kSpecials), Array(t, {n}, kSpecials));
      }
    } else if (real_type(t)) {
      const Array number(t, {}, {0.5}), x = sample(t, {7});
      N == Number::kFirst ? check(number, x) : check(x, number);
    }
  }
  if (N != Number::kNone) return;
  OperatorProgram shapes = s.call();
  shapes.tensor(sample(types[0], {2})).tensor(sample(types[0], {3})).out(types[0]);
  s.refuse(shapes);
}
template <Two F, Number N = Number::kNone>
void real_result(Subject& s) {
  two_operands<F, Result::kReal, N>(s);
}
template <Two F>
void same_result(Subject& s) {
  two_operands<F, Result::kSame>(s);
}
template <Two F>
void whole(Subject& s) {
  two_operands<F, Result::kSame>(s, kIntegers);
  OperatorProgram reals = s.call();
  reals.tensor(sample(DType::kF32, {2})).tensor(sample(DType::kF32, {2})).out(DType::kF32);
  s.refuse(reals);
}
double copysign(double a, double b) { return std::copysign(a, b); }
double hypot(double a, double b) { return std::hypot(a, b); }
double xlogy(double a, double b) { return std::isnan(b) ? b : a == 0 ? 0 : a * std::log(b); }
double xlog1py(double a, double b) { return std::isnan(b) ? b : a == 0 ? 0 : a * std::log1p(b); }
double logaddexp(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return kNan;
  const double top = std::max(a, b), low = std::min(a, b);
  return std::isinf(top) ? top : top + std::log1p(std::exp(low - top));
}
double fmax(double a, double b) { return std::fmax(a, b); }
double fmin(double a, double b) { return std::fmin(a, b); }
double heaviside(double a, double b) { return a == 0 ? b : a > 0; }
double gcd(double a, double b) { return double(std::gcd(int64_t(a), int64_t(b))); }
double lcm(double a, double b) { return double(std::lcm(int64_t(a), int64_t(b))); }

enum class Three { kMultiply, kDivide, kLerp, kLerpNumber };
template <Three K>
void three_operands(Subject& s) {
  const bool number = K != Three::kLerp;
  for (const DType t :
       K == Three::kMultiply ? std::span(kReals) : std::span<const DType>(kFloats)) {
    const Array x = sample(t, {4, 1, 3}), a = sample(t, {5, 1}, 1);
    const Array b = K == Three::kLerpNumber
                        ? Array(t, {}, {2})
                        : Array::make(t, {3}, [](size_t i) { return double(i) + 1; });
    OperatorProgram call = s.call();
    call.tensor(x).tensor(a);
    if (K != Three::kLerpNumber) call.tensor(b);
    if (number) call.integer(2);
    call.out(t);
    Array wanted(t, {4, 5, 3}, Values(60));
    for_each_index(wanted.shape, [&](const Index& i) {
      const double p = x({i[0], 0, i[2]}), q = a({i[1], 0}),
                   r = b.v[b.v.size() == 1 ? 0 : size_t(i[2])];
      wanted(i) = stored(t, K == Three::kMultiply ? p + 2 * q * r
                            : K == Three::kDivide ? p + 2 * (q / r)
                                                  : p + r * (q - p));
    });
    s.expect(call, wanted, 4);
  }
  if (K != Three::kDivide) return;
  OperatorProgram whole = s.call();
  for (int i = 0; i < 3; ++i) whole.tensor(Array(DType::kS32, {1}, {1}));
  s.refuse(whole.integer(1).out(DType::kS32));
}

constexpr OperatorCase kCases[] = {
    {"aten::addcdiv.out", three_operands<Three::kDivide>},
    {"aten::addcmul.out", three_operands<Three::kMultiply>},
    {"aten::angle.out", angles},
    {"aten::celu.out", celu},
    {"aten::complex.out", complex_of_parts},
    {"aten::copysign.Scalar_out", real_result<copysign, Number::kSecond>},
    {"aten::copysign.out", real_result<copysign>},
    {"aten::deg2rad.out", plain<radians>},
    {"aten::digamma.out", digamma},
    {"aten::erfc.out", plain<std::erfc>},
    {"aten::erfinv.out", erfinv},
    {"aten::exp2.out", plain<std::exp2>},
    {"aten::fmax.out", same_result<fmax>},
    {"aten::fmin.out", same_result<fmin>},
    {"aten::frac.out", plain<frac>},
    {"aten::gcd.out", whole<gcd>},
    {"aten::hardshrink.out", hardshrink},
    {"aten::hardsigmoid.out", plain<hardsigmoid>},
    {"aten::hardswish.out", plain<hardswish>},
    {"aten::heaviside.out", same_result<heaviside>},
    {"aten::hypot.out", real_result<hypot>},
    {"aten::i0.out", bessel_i<0, false>},
    {"aten::isneginf.out", flag<is_negative_infinity>},
    {"aten::isposinf.out", flag<is_positive_infinity>},
    {"aten::lcm.out", whole<lcm>},
    {"aten::lerp.Scalar_out", three_operands<Three::kLerpNumber>},
    {"aten::lerp.Tensor_out", three_operands<Three::kLerp>},
    {"aten::lgamma.out", lgamma},
    {"aten::log_sigmoid.out", plain<logsigmoid>},
    {"aten::logaddexp.out", real_result<logaddexp>},
    {"aten::mish.out", plain<mish>},
    {"aten::nan_to_num.out", nan_to_num},
    {"aten::polygamma.out", polygamma},
    {"aten::polar.out", polar},
    {"aten::rad2deg.out", plain<degrees>},
    {"aten::signbit.out", flag<is_signed>},
    {"aten::sinc.out", plain<sinc>},
    {"aten::softplus.out", softplus},
    {"aten::softshrink.out", softshrink},
    {"aten::special_bessel_j0.out", bessel_j<0>},
    {"aten::special_bessel_j1.out", bessel_j<1>},
    {"aten::special_entr.out", plain<entropy>},
    {"aten::special_erfcx.out", erfcx},
    {"aten::special_i0.out", bessel_i<0, false>},
    {"aten::special_i0e.out", bessel_i<0, true>},
    {"aten::special_i1.out", bessel_i<1, false>},
    {"aten::special_i1e.out", bessel_i<1, true>},
    {"aten::special_log_ndtr.out", log_ndtr},
    {"aten::special_ndtri.out", ndtri},
    {"aten::special_xlog1py.out", real_result<xlog1py>},
    {"aten::threshold.out", threshold},
    {"aten::xlogy.OutScalar_Other", real_result<xlogy, Number::kSecond>},
    {"aten::xlogy.OutScalar_Self", real_result<xlogy, Number::kFirst>},
    {"aten::xlogy.OutTensor", real_result<xlogy>},
};

}  // namespace

std::span<const OperatorCase> special_cases() { return kCases; }

}  // namespace smelt::program::testing
