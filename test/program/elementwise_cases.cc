// Element by element: functions of one, two and three operands.
#include <algorithm>
#include <complex>

#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

/// What a function of one tensor gives for which type.
enum class Result {
  kSame,
  kFloat,  ///< integers and bool become float32
  kBool,
};

DType result_type(DType in, Result r) {
  return r == Result::kBool                      ? DType::kBool
         : r == Result::kFloat && !real_type(in) ? DType::kF32
                                                 : in;
}

const Shape kShapes[] = {{}, {0}, {1}, {2, 0, 3}, {2, 3, 5}, {3, 67}};
const Values kSpecials = {kNan, kInf, -kInf, 0.0, -0.0, 1, -1};

/// A function of one tensor.
struct Unary {
  std::span<const DType> types = kRealsAndBool;
  Result result = Result::kSame;
  double low = -4, high = 4;  ///< where the function is defined and well-conditioned
  std::function<void(OperatorProgram&)> numbers = [](OperatorProgram&) {};
  bool specials = true;
};

template <class F>
void unary(Subject& s, F f, const Unary& u = {}) {
  const auto check = [&](const Array& x, const OperatorProgram::Order& order = {}) {
    OperatorProgram call = s.call();
    call.tensor(x, order);
    u.numbers(call);
    const DType out = result_type(x.type, u.result);
    call.out(out, order);
    s.expect(call, Array::make(out, x.shape, [&](size_t i) { return f(x.v[i]); }));
  };
  const auto element = [&](DType t) {
    return [&u, t](size_t i) {
      const double x = u.low + (u.high - u.low) * double((i * 37 + 11) % 101) / 101;
      // Whole numbers inside of the domain, and none below zero where a type has none.
      const double whole = std::min(std::ceil(x), std::floor(u.high));
      return real_type(t) ? x : t == DType::kU8 || t == DType::kBool ? std::max(whole, 0.0) : whole;
    };
  };
  for (const DType t : u.types) {
    SCOPED_TRACE(smelt::name(t));
    for (const Shape& shape : kShapes) check(Array::make(t, shape, element(t)));
    // Another order of dimensions.
    check(Array::make(t, {2, 3, 2, 5}, element(t)), {0, 2, 3, 1});
    if (u.specials && real_type(t)) check(Array(t, {int64_t(kSpecials.size())}, kSpecials));
  }
}

template <double (*F)(double)>
void same(Subject& s) {
  unary(s, F, {.types = kReals});
}
template <double (*F)(double)>
void to_float(Subject& s) {
  unary(s, F, {.result = Result::kFloat});
}
template <double (*F)(double)>
void to_bool(Subject& s) {
  unary(s, F, {.result = Result::kBool});
}
/// Where the function is not defined everywhere.
template <double (*F)(double), int Low, int High>
void to_float_within(Subject& s) {
  unary(s, F, {.result = Result::kFloat, .low = Low, .high = High});
}

double reciprocal(double x) { return 1 / x; }
double rsqrt(double x) { return 1 / std::sqrt(x); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double sign(double x) { return std::isnan(x) ? x : double((x > 0) - (x < 0)); }
double is_infinite(double x) { return std::isinf(x); }
double is_nan(double x) { return std::isnan(x); }
double is_zero(double x) { return x == 0; }
double negative(double x) { return -x; }
double silu(double x) { return x / (1 + std::exp(-x)); }
double positive(double x) { return x < 0 ? 0 : x; }

void gelu(Subject& s) {
  const auto erf = [](double x) {
    return std::isinf(x) ? std::max(x, 0.0) : x * 0.5 * (1 + std::erf(x / std::sqrt(2)));
  };
  const auto tanh = [](double x) {
    const double inner = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
    return std::isinf(x) ? std::max(x, 0.0) : 0.5 * x * (1 + std::tanh(inner));
  };
  unary(s, erf, {.types = kFloats, .numbers = [](auto& c) { c.string("none"); }});
  unary(s, tanh, {.types = kFloats, .numbers = [](auto& c) { c.string("tanh"); }});
  OperatorProgram other = s.call();
  other.tensor(sample(DType::kF32, {2})).string("erf").out(DType::kF32);
  s.refuse(other);
}

void elu(Subject& s) {
  const auto f = [](double x) { return x <= 0 ? 1.5 * 2 * std::expm1(x * 0.5) : 2 * x; };
  unary(s, f, {.types = kFloats, .numbers = [](auto& c) { c.real(1.5).integer(2).real(0.5); }});
}

void leaky_relu(Subject& s) {
  const auto f = [](double x) { return x > 0 ? x : 0.25 * x; };
  unary(s, f, {.types = kFloats, .numbers = [](auto& c) { c.real(0.25); }});
}

void hardtanh(Subject& s) {
  const auto f = [](double x) { return std::isnan(x) ? x : std::clamp(x, -1.0, 2.0); };
  constexpr DType kSigned[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64,
                               DType::kS8,  DType::kS16, DType::kS32,  DType::kS64};
  unary(s, f, {.types = kSigned, .numbers = [](auto& c) { c.integer(-1).integer(2); }});
}

void logit(Subject& s) {
  const auto plain = [](double x) { return std::log(x / (1 - x)); };
  const auto bounded = [](double x) {
    const double z = x < 0.125 ? 0.125 : x > 0.875 ? 0.875 : x;
    return std::log(z / (1 - z));
  };
  Unary u{.result = Result::kFloat, .low = 0, .high = 1, .numbers = [](auto& c) { c.none(); }};
  u.specials = false;  // checked with bounds: beyond them is no domain
  // Near 1/2 the logarithm is as small as its argument's rounding.
  u.low = 0.51, u.high = 0.99, u.types = kFloats;
  unary(s, plain, u);
  u.low = -1, u.high = 2, u.types = kRealsAndBool;
  u.numbers = [](auto& c) { c.real(0.125); };
  unary(s, bounded, u);
}

void bitwise_not(Subject& s) {
  unary(s, [](double x) { return double(~int64_t(x)); }, {.types = kIntegers});
  unary(s, [](double x) { return double(x == 0); }, {.types = std::span(kIntegersAndBool).last(1)});
  OperatorProgram floats = s.call();
  floats.tensor(sample(DType::kF32, {2})).out(DType::kF32);
  s.refuse(floats);
}

void conjugate(Subject& s) {
  for (const DType t : {DType::kC32, DType::kC64, DType::kC128}) {
    OperatorProgram call = s.call();
    call.tensor(Array(t, {2}, {1, 2, -3, kInf})).out(t);
    s.expect(call, Array(t, {2}, {1, -2, -3, -kInf}));
  }
  unary(s, [](double x) { return x; }, {.types = kFloats});
}

/// Of complex numbers, one by one.
void complex_function(Subject& s, std::complex<double> (*f)(std::complex<double>)) {
  for (const DType t : {DType::kC32, DType::kC64, DType::kC128}) {
    const Values numbers = {1, 2, -3, 0.5, 0, 0, -0.25, -1, 2, 0, 0, 3};
    Array wanted(t, {2, 3}, {});
    for (size_t i = 0; i < numbers.size(); i += 2) {
      const auto y = f({numbers[i], numbers[i + 1]});
      wanted.v.insert(wanted.v.end(), {stored(t, y.real()), stored(t, y.imag())});
    }
    OperatorProgram call = s.call();
    s.expect(call.tensor(Array(t, {2, 3}, numbers)).out(t), wanted, 4);
    OperatorProgram real = s.call();
    s.refuse(real.tensor(Array(t, {1}, {1, 2})).out(DType::kF32));
  }
}
void exponential(Subject& s) {
  to_float<std::exp>(s);
  complex_function(s, [](std::complex<double> z) { return std::exp(z); });
}
void negative_of(Subject& s) {
  same<negative>(s);
  complex_function(s, [](std::complex<double> z) { return -z; });
}

void absolute(Subject& s) {
  unary(s, [](double x) { return std::abs(x); }, {.types = kReals});
  const std::pair<DType, DType> kComplex[] = {
      {DType::kC32, DType::kF16}, {DType::kC64, DType::kF32}, {DType::kC128, DType::kF64}};
  for (const auto& [complex, real] : kComplex) {
    OperatorProgram call = s.call();
    call.tensor(Array(complex, {3}, {3, 4, 0, -2, -6, 8})).out(real);
    s.expect(call, Array(real, {3}, {5, 2, 10}));
  }
}

// ---- two operands

const std::pair<Shape, Shape> kPairs[] = {
    {{2, 3}, {2, 3}}, {{2, 1, 3}, {4, 1}}, {{}, {3}},        {{3}, {}},      {{}, {}},
    {{0, 3}, {3}},    {{1}, {2, 0}},       {{4}, {1, 1, 4}}, {{2, 70}, {70}}};

Shape broadcast(const Shape& a, const Shape& b) {
  Shape r;
  for (size_t i = std::max(a.rank(), b.rank()); i-- > 0;) {
    const int64_t x = i < a.rank() ? a[a.rank() - 1 - i] : 1;
    const int64_t y = i < b.rank() ? b[b.rank() - 1 - i] : 1;
    r.push_back(x == 1 ? y : x);
  }
  return r;
}

/// The element of `a` that a larger shape's index sees.
double seen(const Array& a, const Index& index) {
  Index own(index.end() - ptrdiff_t(a.shape.rank()), index.end());
  for (size_t d = 0; d < own.size(); ++d) own[d] = a.shape[d] == 1 ? 0 : own[d];
  return a(own);
}

template <class F>
Array combine(DType type, F f, const Array& a, const Array& b) {
  Array r(type, broadcast(a.shape, b.shape), Values(broadcast(a.shape, b.shape).numel()));
  for_each_index(r.shape, [&](const Index& i) { r(i) = stored(type, f(seen(a, i), seen(b, i))); });
  return r;
}

enum class Second { kTensor, kNumber, kFirstNumber };

struct Binary {
  std::span<const DType> types = kRealsAndBool;
  Result result = Result::kSame;
  bool alpha = false;  ///< a factor follows: 2
  bool specials = true;
  bool zero = true;      ///< zeros in the second operand
  bool booleans = true;  ///< both may be bool
  bool negative = true;  ///< negative numbers in the second operand
  std::function<void(OperatorProgram&)> after = [](OperatorProgram&) {};
};

Array second_operand(DType t, const Shape& shape, const Binary& b) {
  Array a = sample(t, shape, 3);
  for (double& x : a.v) {
    if (!b.zero && x == 0) x = 1;
    if (!b.negative) x = stored(t, std::abs(x));
  }
  return a;
}

/// f(a, b, common type) in double. Tensors with dimensions decide the type before those without.
DType common_type(const Array& a, const Array& b) {
  const auto category = [](DType t) { return real_type(t) ? 2 : t == DType::kBool ? 0 : 1; };
  if ((a.shape.rank() == 0) != (b.shape.rank() == 0)) {
    const DType strong = a.shape.rank() == 0 ? b.type : a.type;
    const DType weak = a.shape.rank() == 0 ? a.type : b.type;
    return category(weak) > category(strong) ? weak : strong;
  }
  return promoted(a.type, b.type);
}

template <class F>
void binary(Subject& s, F f, const Binary& b) {
  const auto check = [&](const Array& x, const Array& y, const OperatorProgram::Order& order = {}) {
    const DType common = common_type(x, y);
    if (std::find(b.types.begin(), b.types.end(), common) == b.types.end()) return;
    OperatorProgram call = s.call();
    call.tensor(x, order).tensor(y, order);
    if (b.alpha) call.integer(common == DType::kBool ? 1 : 2);
    b.after(call);
    const DType out = result_type(common, b.result);
    call.out(out, order);
    const auto g = [&](double p, double q) { return f(p, q, common); };
    s.expect(call, combine(out, g, x, y));
  };
  for (const DType s1 : kRealsAndBool) {
    for (const DType s2 : kRealsAndBool) {
      if (!b.booleans && s1 == DType::kBool && s2 == DType::kBool) continue;
      SCOPED_TRACE(fmt::format("{}, {}", smelt::name(s1), smelt::name(s2)));
      for (const auto& [p, q] : kPairs) {
        if (s1 != s2 && p.rank() == q.rank() && p.rank() != 0 && !(p == q)) continue;
        if (emulated() && s1 != s2) continue;
        check(sample(s1, p), second_operand(s2, q, b));
      }
    }
    check(sample(s1, {2, 3, 2, 5}), second_operand(s1, {2, 3, 2, 5}, b), {0, 2, 3, 1});
    if (b.specials && real_type(s1)) {
      const auto n = int64_t(kSpecials.size());
      check(Array(s1, {n, 1}, kSpecials), Array(s1, {n}, kSpecials));
    }
  }
  OperatorProgram shapes = s.call();
  shapes.tensor(sample(DType::kS32, {2})).tensor(sample(DType::kS32, {3}));
  if (b.alpha) shapes.integer(1);
  b.after(shapes);
  shapes.out(result_type(DType::kS32, b.result));
  s.refuse(shapes);
}

/// The same with a number in the place of an operand.
template <class F>
void with_number(Subject& s, F f, const Binary& b, bool first = false) {
  for (const DType t : b.types) {
    if (t == DType::kBool && !b.booleans) continue;
    SCOPED_TRACE(smelt::name(t));
    for (const double number : {3.0, 1.5}) {
      const bool real = number == 1.5;
      const DType common = !real_type(t) && real ? DType::kF32
                           : t == DType::kBool   ? DType::kS64
                                                 : t;
      if (std::find(b.types.begin(), b.types.end(), common) == b.types.end()) continue;
      for (const Shape& shape : kShapes) {
        const Array x = first ? second_operand(t, shape, b) : sample(t, shape);
        const auto push = [&](OperatorProgram& c) {
          if (real) {
            c.real(number);
          } else {
            c.integer(int64_t(number));
          }
        };
        OperatorProgram call = s.call();
        if (first) push(call);
        call.tensor(x);
        if (!first) push(call);
        if (b.alpha) call.integer(2);
        b.after(call);
        const DType out = result_type(common, b.result);
        call.out(out);
        s.expect(call, Array::make(out, shape, [&](size_t i) {
                   return first ? f(number, x.v[i], common) : f(x.v[i], number, common);
                 }));
      }
    }
  }
}

double add(double a, double b, DType t) { return a + (t == DType::kBool ? 1 : 2) * b; }
double sub(double a, double b, DType) { return a - 2 * b; }
double rsub(double a, double b, DType) { return b - 2 * a; }
double mul(double a, double b, DType) { return a * b; }
double div(double a, double b, DType) { return a / b; }
double atan2(double a, double b, DType) { return std::atan2(a, b); }
double maximum(double a, double b, DType) {
  return std::isnan(a) || std::isnan(b) ? kNan : std::max(a, b);
}
double minimum(double a, double b, DType) {
  return std::isnan(a) || std::isnan(b) ? kNan : std::min(a, b);
}
double eq(double a, double b, DType) { return a == b; }
double ne(double a, double b, DType) { return a != b; }
double lt(double a, double b, DType) { return a < b; }
double le(double a, double b, DType) { return a <= b; }
double gt(double a, double b, DType) { return a > b; }
double ge(double a, double b, DType) { return a >= b; }
double both(double a, double b, DType) { return a != 0 && b != 0; }
double either(double a, double b, DType) { return a != 0 || b != 0; }
double one_of(double a, double b, DType) { return (a != 0) != (b != 0); }
double bit_and(double a, double b, DType) { return double(int64_t(a) & int64_t(b)); }
double bit_or(double a, double b, DType) { return double(int64_t(a) | int64_t(b)); }
double bit_xor(double a, double b, DType) { return double(int64_t(a) ^ int64_t(b)); }
double floor_divide(double a, double b, DType t) {
  if (real_type(t) && b == 0) return a / b;
  // As Python's //: from the remainder, which is exact.
  const double rest = std::fmod(a, b);
  double q = (a - rest) / b;
  if (rest != 0 && (b < 0) != (rest < 0)) q -= 1;
  return std::round(q);
}
double trunc_divide(double a, double b, DType) { return std::trunc(a / b); }
double fmod(double a, double b, DType) { return std::fmod(a, b); }
double remainder(double a, double b, DType) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (b < 0) != (rest < 0) ? rest + b : rest;
}
double power(double a, double b, DType t) {
  if (real_type(t)) return std::pow(a, b);
  int64_t r = 1;  // wraps where the type does
  for (int64_t i = 0; i < int64_t(b); ++i) r = int64_t(uint64_t(r) * uint64_t(int64_t(a)));
  // Wrapped here: a double does not hold all bits of r.
  const int unused = 64 - int(smelt::bits(t));
  const auto raw = uint64_t(r) << unused;
  return t == DType::kU8 ? double(raw >> unused) : double(int64_t(raw) >> unused);
}

using BinaryFunction = double (*)(double, double, DType);
template <BinaryFunction F>
void common(Subject& s) {
  binary(s, F, {});
}
template <BinaryFunction F>
void common_number(Subject& s) {
  with_number(s, F, {});
}
template <BinaryFunction F>
void predicate(Subject& s) {
  binary(s, F, {.result = Result::kBool});
}
template <BinaryFunction F>
void predicate_number(Subject& s) {
  with_number(s, F, {.result = Result::kBool});
}
template <BinaryFunction F>
void bits(Subject& s) {
  binary(s, F, {.types = kIntegersAndBool});
}
template <BinaryFunction F>
void bits_number(Subject& s) {
  with_number(s, F, {.types = kIntegersAndBool});
}
// An integer by zero is an error.
template <BinaryFunction F>
void quotient(Subject& s) {
  binary(s, F, {.types = kReals, .specials = false, .zero = false});
  const Values a = {7, -7, 7.5, 0, kNan, kInf, 1}, b = {2, 2, -2, 3, 1, 2, kNan};
  for (const DType t : kFloats) {
    OperatorProgram call = s.call();
    call.tensor(Array(t, {7}, a)).tensor(Array(t, {7}, b)).out(t);
    s.expect(call, Array::make(t, {7}, [&](size_t i) { return F(a[i], b[i], t); }));
  }
  for (const DType t : kIntegers) {
    OperatorProgram zero = s.call();
    zero.tensor(Array(t, {2}, {1, 2})).tensor(Array(t, {2}, {1, 0})).out(t);
    s.refuse(zero);
  }
}
template <BinaryFunction F>
void quotient_number(Subject& s) {
  with_number(s, F, {.types = kReals});
}

template <BinaryFunction F>
void shift(Subject& s) {
  binary(s, F, {.types = kIntegers, .negative = false});
  OperatorProgram floats = s.call();
  floats.tensor(sample(DType::kF32, {2})).tensor(sample(DType::kF32, {2})).out(DType::kF32);
  s.refuse(floats);
  // By nothing, by the width and around it, by more, backwards: only the sign stays.
  for (const DType t : kIntegers) {
    const int64_t width = bits(t);
    for (const int64_t by : {int64_t(0), width - 1, width, width + 1, int64_t(64), int64_t(-1)}) {
      if (by < 0 && t == DType::kU8) continue;
      const Array x(t, {4}, {t == DType::kU8 ? 255.0 : -3.0, 5, 1, 0});
      OperatorProgram call = s.call();
      call.tensor(x).tensor(Array(t, {}, {double(by)})).out(t);
      s.expect(call, Array::make(t, {4}, [&](size_t i) {
                 // One shifted right is nothing, and so is all that is shifted left out of sight.
                 const bool right = F(1, 1, t) == 0;
                 if (by >= 0 && by < width) return F(x.v[i], double(by), t);
                 return right && x.v[i] < 0 ? -1.0 : 0.0;
               }));
    }
  }
}
template <BinaryFunction F>
void shift_number(Subject& s) {
  with_number(s, F, {.types = kIntegers});
}
template <BinaryFunction F>
void shifted_number(Subject& s) {
  with_number(s, F, {.types = kIntegers, .negative = false}, true);
}
template <BinaryFunction F>
void number_bits(Subject& s) {
  with_number(s, F, {.types = kIntegersAndBool}, true);
}
double shift_left(double a, double b, DType) {
  return b > 63 ? 0 : double(int64_t(uint64_t(int64_t(a)) << int64_t(b)));
}
double shift_right(double a, double b, DType) { return double(int64_t(a) >> int64_t(b)); }

/// Complex operands: {1+2i, -3i} with {2-i, 1+i}.
void complex_pair(Subject& s, const Values& wanted, bool alpha) {
  for (const DType t : {DType::kC32, DType::kC64, DType::kC128}) {
    OperatorProgram call = s.call();
    call.tensor(Array(t, {2}, {1, 2, 0, -3})).tensor(Array(t, {2}, {2, -1, 1, 1}));
    if (alpha) call.integer(2);
    call.out(t);
    s.expect(call, Array(t, {2}, wanted));
  }
}
void add_tensors(Subject& s) {
  binary(s, add, {.alpha = true});
  complex_pair(s, {5, 0, 2, -1}, true);
}
void mul_tensors(Subject& s) {
  binary(s, mul, {});
  complex_pair(s, {4, 3, 3, -3}, false);
}
void div_tensors(Subject& s) {
  binary(s, div, {.result = Result::kFloat});
  complex_pair(s, {0, 1, -1.5, -1.5}, false);
}
void sub_tensors(Subject& s) {
  binary(s, sub, {.types = kReals, .alpha = true});
  complex_pair(s, {-3, 4, -2, -5}, true);
}
void add_number(Subject& s) { with_number(s, add, {.alpha = true, .booleans = false}); }
void sub_number(Subject& s) { with_number(s, sub, {.types = kReals, .alpha = true}); }
void rsub_number(Subject& s) { with_number(s, rsub, {.types = kReals, .alpha = true}); }
void div_number(Subject& s) { with_number(s, div, {.result = Result::kFloat}); }
void atan2_tensors(Subject& s) { binary(s, atan2, {.result = Result::kFloat}); }

template <bool Number>
void div_mode(Subject& s) {
  const auto run = [&](auto f, const Binary& b) {
    if constexpr (Number) {
      with_number(s, f, b);
    } else {
      binary(s, f, b);
    }
  };
  Binary b{.types = kReals, .specials = false, .zero = false};
  b.after = [](OperatorProgram& c) { c.string("floor"); };
  run(floor_divide, b);
  b.after = [](OperatorProgram& c) { c.string("trunc"); };
  run(trunc_divide, b);
  b.after = [](OperatorProgram& c) { c.none(); };
  b.result = Result::kFloat;
  run(div, b);
}

void pow_tensors(Subject& s) {
  binary(s, power, {.types = kReals, .negative = false});
  // Negative exponents of integers: only of 1 and -1 something is left.
  OperatorProgram call = s.call();
  call.tensor(Array(DType::kS32, {5}, {1, -1, -1, 2, 7}));
  call.tensor(Array(DType::kS32, {5}, {-3, -3, -2, -1, -2})).out(DType::kS32);
  s.expect(call, Array(DType::kS32, {5}, {1, -1, 1, 0, 0}));
}
void pow_number(Subject& s) { with_number(s, power, {.types = kReals}); }
void pow_first_number(Subject& s) {
  with_number(s, power, {.types = kReals, .negative = false}, true);
}

// ---- three operands

double clamped(double x, double low, double high) {
  if (std::isnan(x) || std::isnan(low) || std::isnan(high)) return kNan;
  return std::min(std::max(x, low), high);
}

void clamp_numbers(Subject& s) {
  for (const DType t : kReals) {
    SCOPED_TRACE(smelt::name(t));
    for (const Shape& shape : kShapes) {
      const Array x = sample(t, shape);
      const auto check = [&](bool low, bool high) {
        OperatorProgram call = s.call();
        call.tensor(x);
        low ? call.integer(2) : call.none();
        high ? call.integer(5) : call.none();
        call.out(t);
        s.expect(call, Array::make(t, shape, [&](size_t i) {
                   return clamped(x.v[i], low ? 2 : -kInf, high ? 5 : kInf);
                 }));
      };
      check(true, true), check(true, false), check(false, true);
    }
    if (!real_type(t)) continue;
    OperatorProgram call = s.call();
    call.tensor(Array(t, {4}, {kNan, kInf, -kInf, 1})).real(-0.5).real(0.5).out(t);
    s.expect(call, Array(t, {4}, {kNan, 0.5, -0.5, 0.5}));
  }
  OperatorProgram neither = s.call();
  neither.tensor(sample(DType::kF32, {2})).none().none().out(DType::kF32);
  s.refuse(neither);
}

void clamp_tensors(Subject& s) {
  for (const DType t : kReals) {
    SCOPED_TRACE(smelt::name(t));
    const Array x = sample(t, {3, 2, 4}), low = sample(t, {4}, 2), high = sample(t, {2, 1}, 9);
    const auto check = [&](bool has_low, bool has_high) {
      OperatorProgram call = s.call();
      call.tensor(x);
      has_low ? call.tensor(low) : call.none();
      has_high ? call.tensor(high) : call.none();
      call.out(t);
      Array wanted = x;
      for_each_index(x.shape, [&](const Index& i) {
        wanted(i) = clamped(x(i), has_low ? seen(low, i) : -kInf, has_high ? seen(high, i) : kInf);
      });
      s.expect(call, wanted);
    };
    check(true, true), check(true, false), check(false, true);
  }
}

void where(Subject& s) {
  for (const DType t : kRealsAndBool) {
    for (const DType u : kRealsAndBool) {
      SCOPED_TRACE(fmt::format("{}, {}", smelt::name(t), smelt::name(u)));
      for (const DType condition : {DType::kBool, DType::kU8}) {
        const Array c = sample(condition, {3, 1, 4}), a = sample(t, {2, 1}), b = sample(u, {4}, 5);
        const DType common = promoted(t, u);
        OperatorProgram call = s.call();
        call.tensor(c).tensor(a).tensor(b).out(common);
        Array wanted(common, {3, 2, 4}, Values(24));
        for_each_index(wanted.shape, [&](const Index& i) {
          wanted(i) = stored(common, seen(c, i) != 0 ? seen(a, i) : seen(b, i));
        });
        s.expect(call, wanted);
      }
    }
  }
  // What is not chosen does not matter, NaN or not; nothing and one element.
  OperatorProgram nan = s.call();
  nan.tensor(Array(DType::kBool, {2}, {1, 0})).tensor(Array(DType::kF32, {2}, {1, kNan}));
  nan.tensor(Array(DType::kF32, {2}, {kNan, 2})).out(DType::kF32);
  s.expect(nan, Array(DType::kF32, {2}, {1, 2}));
  OperatorProgram empty = s.call();
  empty.tensor(Array(DType::kBool, {0}, {})).tensor(Array(DType::kF32, {}, {1}));
  empty.tensor(Array(DType::kF32, {}, {2})).out(DType::kF32);
  s.expect(empty, Array(DType::kF32, {0}, {}));
}

void masked_fill(Subject& s) {
  for (const DType t : kRealsAndBool) {
    SCOPED_TRACE(smelt::name(t));
    for (const auto& [shape, mask] :
         {std::pair<Shape, Shape>{{2, 3, 4}, {3, 1}}, {{}, {}}, {{2, 0}, {0}}, {{5}, {}}}) {
      const Array x = sample(t, shape), m = sample(DType::kBool, mask, 1);
      OperatorProgram call = s.call();
      call.tensor(x).tensor(m).integer(1).out(t);
      Array wanted = x;
      for_each_index(x.shape, [&](const Index& i) { wanted(i) = seen(m, i) != 0 ? 1 : x(i); });
      s.expect(call, wanted);
    }
  }
  OperatorProgram infinity = s.call();
  infinity.tensor(Array(DType::kF16, {2}, {1, 2})).tensor(Array(DType::kBool, {2}, {0, 1}));
  infinity.real(-kInf).out(DType::kF16);
  s.expect(infinity, Array(DType::kF16, {2}, {1, -kInf}));
}

#define SMELT_BOTH(op, tensors, number) \
  {"aten::" op ".Tensor_out", tensors}, { "aten::" op ".Scalar_out", number }

constexpr OperatorCase kCases[] = {
    SMELT_BOTH("__lshift__", shift<shift_left>, shift_number<shift_left>),
    SMELT_BOTH("__rshift__", shift<shift_right>, shift_number<shift_right>),
    {"aten::_conj_copy.out", conjugate},
    {"aten::_conj_physical.out", conjugate},
    {"aten::abs.out", absolute},
    {"aten::acos.out", to_float_within<std::acos, -1, 1>},
    {"aten::acosh.out", to_float_within<std::acosh, 1, 9>},
    {"aten::add.Scalar_out", add_number},
    {"aten::add.out", add_tensors},
    {"aten::asin.out", to_float_within<std::asin, -1, 1>},
    {"aten::asinh.out", to_float<std::asinh>},
    {"aten::atan.out", to_float<std::atan>},
    {"aten::atan2.out", atan2_tensors},
    {"aten::atanh.out", to_float_within<std::atanh, -1, 1>},
    {"aten::bitwise_and.Scalar_Tensor_out", number_bits<bit_and>},
    {"aten::bitwise_left_shift.Scalar_Tensor_out", shifted_number<shift_left>},
    {"aten::bitwise_left_shift.Tensor_Scalar_out", shift_number<shift_left>},
    {"aten::bitwise_left_shift.Tensor_out", shift<shift_left>},
    {"aten::bitwise_not.out", bitwise_not},
    {"aten::bitwise_or.Scalar_Tensor_out", number_bits<bit_or>},
    {"aten::bitwise_right_shift.Scalar_Tensor_out", shifted_number<shift_right>},
    {"aten::bitwise_right_shift.Tensor_Scalar_out", shift_number<shift_right>},
    {"aten::bitwise_right_shift.Tensor_out", shift<shift_right>},
    SMELT_BOTH("bitwise_and", bits<bit_and>, bits_number<bit_and>),
    SMELT_BOTH("bitwise_or", bits<bit_or>, bits_number<bit_or>),
    {"aten::bitwise_xor.Scalar_Tensor_out", number_bits<bit_xor>},
    SMELT_BOTH("bitwise_xor", bits<bit_xor>, bits_number<bit_xor>),
    {"aten::ceil.out", same<std::ceil>},
    {"aten::clamp.Tensor_out", clamp_tensors},
    {"aten::clamp.out", clamp_numbers},
    {"aten::cos.out", to_float<std::cos>},
    {"aten::cosh.out", to_float<std::cosh>},
    {"aten::div.Scalar_mode_out", div_mode<true>},
    {"aten::div.Scalar_out", div_number},
    {"aten::div.out", div_tensors},
    {"aten::div.out_mode", div_mode<false>},
    {"aten::elu.out", elu},
    SMELT_BOTH("eq", predicate<eq>, predicate_number<eq>),
    {"aten::erf.out", to_float<std::erf>},
    {"aten::exp.out", exponential},
    {"aten::expm1.out", to_float<std::expm1>},
    {"aten::floor.out", same<std::floor>},
    {"aten::floor_divide.out", quotient<floor_divide>},
    SMELT_BOTH("fmod", quotient<fmod>, quotient_number<fmod>),
    SMELT_BOTH("ge", predicate<ge>, predicate_number<ge>),
    {"aten::gelu.out", gelu},
    SMELT_BOTH("gt", predicate<gt>, predicate_number<gt>),
    {"aten::hardtanh.out", hardtanh},
    {"aten::isinf.out", to_bool<is_infinite>},
    {"aten::isnan.out", to_bool<is_nan>},
    SMELT_BOTH("le", predicate<le>, predicate_number<le>),
    {"aten::leaky_relu.out", leaky_relu},
    {"aten::log.out", to_float_within<std::log, 0, 9>},
    {"aten::log10.out", to_float_within<std::log10, 0, 9>},
    {"aten::log1p.out", to_float_within<std::log1p, 0, 9>},
    {"aten::log2.out", to_float_within<std::log2, 0, 9>},
    {"aten::logical_and.out", predicate<both>},
    {"aten::logical_not.out", to_bool<is_zero>},
    {"aten::logical_or.out", predicate<either>},
    {"aten::logical_xor.out", predicate<one_of>},
    {"aten::logit.out", logit},
    SMELT_BOTH("lt", predicate<lt>, predicate_number<lt>),
    {"aten::masked_fill.Scalar_out", masked_fill},
    {"aten::maximum.out", common<maximum>},
    {"aten::minimum.out", common<minimum>},
    {"aten::mul.Scalar_out", common_number<mul>},
    {"aten::mul.out", mul_tensors},
    SMELT_BOTH("ne", predicate<ne>, predicate_number<ne>),
    {"aten::neg.out", negative_of},
    {"aten::pow.Scalar_out", pow_first_number},
    {"aten::pow.Tensor_Scalar_out", pow_number},
    {"aten::pow.Tensor_Tensor_out", pow_tensors},
    {"aten::reciprocal.out", to_float<reciprocal>},
    {"aten::relu.out", same<positive>},
    SMELT_BOTH("remainder", quotient<remainder>, quotient_number<remainder>),
    {"aten::round.out", same<std::nearbyint>},
    {"aten::rsqrt.out", to_float_within<rsqrt, 0, 9>},
    {"aten::rsub.Scalar_out", rsub_number},
    {"aten::sigmoid.out", to_float<sigmoid>},
    {"aten::sign.out", same<sign>},
    {"aten::silu.out", to_float<silu>},
    {"aten::sin.out", to_float<std::sin>},
    {"aten::sinh.out", to_float<std::sinh>},
    {"aten::sqrt.out", to_float_within<std::sqrt, 0, 9>},
    {"aten::sub.Scalar_out", sub_number},
    {"aten::sub.out", sub_tensors},
    {"aten::tan.out", to_float_within<std::tan, -1, 1>},
    {"aten::tanh.out", to_float<std::tanh>},
    {"aten::trunc.out", same<std::trunc>},
    {"aten::where.self_out", where},
};

}  // namespace

std::span<const OperatorCase> elementwise_cases() { return kCases; }

}  // namespace smelt::program::testing
