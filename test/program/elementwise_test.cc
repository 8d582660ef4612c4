#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "operator_call.h"
#include "program/types.h"

namespace smelt::program::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr DType kAllTypes[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64,
                               DType::kS8,  DType::kU8,  DType::kS16,  DType::kU16,
                               DType::kS32, DType::kU32, DType::kS64,  DType::kU64};

TEST(Operators, NamesAreUniqueAndSignaturesMadeOfKnownLetters) {
  std::set<std::string_view> names;
  for (const Operator* op : all_operators()) {
    EXPECT_TRUE(names.insert(op->name).second) << op->name;
    EXPECT_EQ(op->signature.find_first_not_of("TtWUXYOSsIiDdBbLlFfMZzN"), std::string_view::npos)
        << op->name;
    EXPECT_EQ(find_operator(op->name), op);
  }
  EXPECT_EQ(find_operator("aten::no_such_operator.out"), nullptr);
}

TEST(Operators, SignatureRejectsWrongKindsAndCounts) {
  OperatorCall few("aten::add.out");
  few.f32({2}, {1, 2}).f32({2}, {1, 2}).out(DType::kF32);
  EXPECT_FALSE(few.run());
  OperatorCall wrong("aten::add.out");
  wrong.f32({2}, {1, 2}).integer(1).integer(1).out(DType::kF32);
  const auto status = wrong.run();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("argument 1"), std::string::npos) << status.error().message;
}

TEST(CommonType, FollowsPyTorch) {
  EXPECT_EQ(promote(DType::kU8, DType::kS8), DType::kS16);
  EXPECT_EQ(promote(DType::kU8, DType::kS32), DType::kS32);
  EXPECT_EQ(promote(DType::kF16, DType::kBF16), DType::kF32);
  EXPECT_EQ(promote(DType::kS64, DType::kF16), DType::kF16);
  EXPECT_EQ(promote(DType::kBool, DType::kU8), DType::kU8);

  const auto tensor = [](DType t, const Shape& shape) {
    Tensor r;
    r.dtype = t;
    r.shape = shape;
    return r;
  };
  const auto common = [](std::initializer_list<const Tensor*> tensors, const EValue* number) {
    CommonType c;
    for (const Tensor* t : tensors) c.add(*t);
    if (number) c.add(*number);
    return c.get();
  };
  const Tensor s8 = tensor(DType::kS8, {3}), f16 = tensor(DType::kF16, {3});
  const Tensor s64_0d = tensor(DType::kS64, {}), f64_0d = tensor(DType::kF64, {});
  EValue one, half, yes;
  one.set(int64_t(1));
  half.set(0.5);
  yes.set(true);
  // The same category: dimensions win. A higher one: it counts.
  EXPECT_EQ(common({&s8, &s64_0d}, nullptr), DType::kS8);
  EXPECT_EQ(common({&f16, &f64_0d}, nullptr), DType::kF16);
  EXPECT_EQ(common({&s8, &f64_0d}, nullptr), DType::kF64);
  EXPECT_EQ(common({&s8}, &one), DType::kS8);
  EXPECT_EQ(common({&s8}, &half), DType::kF32);
  EXPECT_EQ(common({&f16}, &half), DType::kF16);
  EXPECT_EQ(common({&s8}, &yes), DType::kS8);
  EXPECT_EQ(common({}, &one), DType::kS64);
}

TEST(Add, AllTypesWithBroadcasting) {
  for (const DType type : kAllTypes) {
    SCOPED_TRACE(smelt::name(type));
    // [2, 1, 3] + [2, 1] → [2, 2, 3]
    OperatorCall add("aten::add.out");
    add.tensor(type, {2, 1, 3}, {1, 2, 3, 4, 5, 6}).tensor(type, {2, 1}, {10, 20});
    add.integer(2).out(type);
    EXPECT_EQ(add(), (Values{21, 22, 23, 41, 42, 43, 24, 25, 26, 44, 45, 46}));
    EXPECT_EQ(add.shape(), (Shape{2, 2, 3}));
  }
}

TEST(Add, LongRowsCrossBlocks) {
  Values a, b, sum;
  for (int i = 0; i < 1000; ++i) {
    a.push_back(i);
    b.push_back(3 * i % 17);
    sum.push_back(a.back() + b.back());
  }
  for (const DType type : {DType::kF32, DType::kF16, DType::kS32}) {
    OperatorCall add("aten::add.out");
    add.tensor(type, {10, 100}, a).tensor(type, {10, 100}, b).integer(1).out(type);
    EXPECT_EQ(add(), sum);
  }
}

TEST(Add, ManyElementsOnSeveralWorkers) {
  const size_t rows = 300, cols = 401;
  Values a(rows * cols), b(cols), sum(rows * cols);
  for (size_t j = 0; j < cols; ++j) b[j] = double(j);
  for (size_t i = 0; i < a.size(); ++i) sum[i] = (a[i] = double(i % 97)) + b[i % cols];
  OperatorCall add("aten::add.out");
  add.f32({int64_t(rows), int64_t(cols)}, a).f32({int64_t(cols)}, b).integer(1).out(DType::kF32);
  EXPECT_EQ(add(), sum);
}

TEST(Add, IntegersWrap) {
  OperatorCall add("aten::add.out");
  add.tensor(DType::kS8, {2}, {127, -128}).tensor(DType::kS8, {2}, {1, -1});
  add.integer(1).out(DType::kS8);
  EXPECT_EQ(add(), (Values{-128, 127}));
}

TEST(Add, OrdersOfDimensionsMix) {
  // Channels-last plus row-major into channels-last: the elements are what counts.
  Values a(2 * 3 * 2 * 2), b(a.size()), sum(a.size());
  for (size_t i = 0; i < a.size(); ++i) sum[i] = (a[i] = double(i)) + (b[i] = double(100 * i));
  OperatorCall add("aten::add.out");
  add.tensor(DType::kF32, {2, 3, 2, 2}, a, {0, 2, 3, 1}).f32({2, 3, 2, 2}, b).integer(1);
  add.out(DType::kF32, {0, 2, 3, 1});
  EXPECT_EQ(add(), sum);
}

TEST(Add, EmptyAndScalarTensors) {
  OperatorCall empty("aten::add.out");
  empty.f32({0, 3}, {}).f32({3}, {1, 2, 3}).integer(1).out(DType::kF32);
  EXPECT_EQ(empty(), Values());
  EXPECT_EQ(empty.shape(), (Shape{0, 3}));
  OperatorCall scalar("aten::add.out");
  scalar.f32({}, {2}).f32({}, {3}).integer(1).out(DType::kF32);
  EXPECT_EQ(scalar(), Values{5});
  EXPECT_EQ(scalar.shape(), Shape());
}

TEST(Add, RefusesWhatDoesNotFit) {
  OperatorCall shapes("aten::add.out");
  shapes.f32({2}, {1, 2}).f32({3}, {1, 2, 3}).integer(1).out(DType::kF32);
  EXPECT_FALSE(shapes.run());
  OperatorCall types("aten::add.out");
  types.f32({1}, {1}).f32({1}, {1}).integer(1).out(DType::kS32);
  EXPECT_FALSE(types.run());
}

struct BinaryCase {
  const char* name;
  std::function<double(double, double)> expected;
};

TEST(Binary, AgreesWithTheDefinitionOnSpecialValues) {
  const Values points = {0, -0.0, 1, -1, 2.5, -3.5, 7, 1e30, kInf, -kInf, kNan};
  Values a, b;
  for (const double x : points) {
    for (const double y : points) a.push_back(x), b.push_back(y);
  }
  const BinaryCase cases[] = {
      {"aten::mul.out", [](double x, double y) { return double(float(x) * float(y)); }},
      {"aten::div.out", [](double x, double y) { return double(float(x) / float(y)); }},
      {"aten::maximum.out",
       [](double x, double y) { return std::isnan(x) || std::isnan(y) ? kNan : std::max(x, y); }},
      {"aten::minimum.out",
       [](double x, double y) { return std::isnan(x) || std::isnan(y) ? kNan : std::min(x, y); }},
      {"aten::atan2.out", [](double x, double y) { return std::atan2(x, y); }},
      {"aten::fmod.Tensor_out", [](double x, double y) { return std::fmod(float(x), float(y)); }},
      {"aten::eq.Tensor_out", [](double x, double y) { return double(x == y); }},
      {"aten::ne.Tensor_out", [](double x, double y) { return double(x != y); }},
      {"aten::lt.Tensor_out", [](double x, double y) { return double(x < y); }},
      {"aten::le.Tensor_out", [](double x, double y) { return double(x <= y); }},
      {"aten::gt.Tensor_out", [](double x, double y) { return double(x > y); }},
      {"aten::ge.Tensor_out", [](double x, double y) { return double(x >= y); }},
      {"aten::logical_and.out", [](double x, double y) { return double(x != 0 && y != 0); }},
      {"aten::logical_or.out", [](double x, double y) { return double(x != 0 || y != 0); }},
      {"aten::logical_xor.out", [](double x, double y) { return double((x != 0) != (y != 0)); }},
      {"aten::pow.Tensor_Tensor_out",
       [](double x, double y) { return std::pow(float(x), float(y)); }},
  };
  const Shape shape{int64_t(a.size())};
  for (const BinaryCase& c : cases) {
    SCOPED_TRACE(c.name);
    Values expected;
    for (size_t i = 0; i < a.size(); ++i) expected.push_back(c.expected(a[i], b[i]));
    OperatorCall call(c.name);
    call.f32(shape, a).f32(shape, b).out(DType::kF32);
    expect_near(call(), expected);
  }
}

TEST(Binary, IntegerDivisionRoundsAsPythonDoes) {
  const Values a = {7, -7, 7, -7, 6, 0}, b = {2, 2, -2, -2, 3, 5};
  const auto run = [&](const char* name, const char* mode) {
    OperatorCall call(name);
    call.s64({6}, a).s64({6}, b);
    if (mode != nullptr) call.string(mode);
    call.out(DType::kS64);
    return call();
  };
  EXPECT_EQ(run("aten::floor_divide.out", nullptr), (Values{3, -4, -4, 3, 2, 0}));
  EXPECT_EQ(run("aten::div.out_mode", "floor"), (Values{3, -4, -4, 3, 2, 0}));
  EXPECT_EQ(run("aten::div.out_mode", "trunc"), (Values{3, -3, -3, 3, 2, 0}));
  EXPECT_EQ(run("aten::remainder.Tensor_out", nullptr), (Values{1, 1, -1, -1, 0, 0}));
  EXPECT_EQ(run("aten::fmod.Tensor_out", nullptr), (Values{1, -1, 1, -1, 0, 0}));
}

TEST(Binary, RealDivisionRoundsAsPythonDoes) {
  OperatorCall floor("aten::floor_divide.out");
  floor.f32({5}, {7, -7, 7.5, -0.5, 1}).f32({5}, {2, 2, -2, 1, 0}).out(DType::kF32);
  expect_near(floor(), {3, -4, -4, -1, kInf});
  OperatorCall rest("aten::remainder.Tensor_out");
  rest.f32({4}, {7, -7, 7.5, -0.5}).f32({4}, {2, 2, -2, 1}).out(DType::kF32);
  expect_near(rest(), {1, 1, -0.5, 0.5});
}

TEST(Binary, IntegersDividedByZeroAreAnError) {
  for (const char* name : {"aten::floor_divide.out", "aten::remainder.Tensor_out"}) {
    OperatorCall call(name);
    call.s64({2}, {4, 4}).s64({2}, {2, 0}).out(DType::kS64);
    EXPECT_FALSE(call.run()) << name;
  }
  OperatorCall smallest("aten::floor_divide.out");
  smallest.s64({1}, {-0x1p63}).s64({1}, {-1}).out(DType::kS64);
  EXPECT_EQ(smallest(), Values{-0x1p63});
}

TEST(Binary, NumbersKeepTheTypeOfTensors) {
  OperatorCall add("aten::add.Scalar_out");
  add.tensor(DType::kS32, {2}, {1, 2}).integer(10).integer(3).out(DType::kS32);
  EXPECT_EQ(add(), (Values{31, 32}));
  OperatorCall mul("aten::mul.Scalar_out");
  mul.tensor(DType::kS32, {2}, {1, 2}).real(0.5).out(DType::kF32);
  EXPECT_EQ(mul(), (Values{0.5, 1}));
  OperatorCall rsub("aten::rsub.Scalar_out");
  rsub.f32({2}, {1, 2}).real(10).integer(2).out(DType::kF32);
  EXPECT_EQ(rsub(), (Values{8, 6}));
  OperatorCall pow("aten::pow.Scalar_out");
  pow.integer(2).s64({4}, {0, 3, 10, 62}).out(DType::kS64);
  EXPECT_EQ(pow(), (Values{1, 8, 1024, 0x1p62}));
}

TEST(Binary, BitsOfIntegersAndBools) {
  OperatorCall both("aten::bitwise_and.Tensor_out");
  both.tensor(DType::kU8, {3}, {12, 255, 7}).tensor(DType::kU8, {3}, {10, 15, 8}).out(DType::kU8);
  EXPECT_EQ(both(), (Values{8, 15, 0}));
  OperatorCall flip("aten::bitwise_not.out");
  flip.flags({2}, {0, 1}).out(DType::kBool);
  EXPECT_EQ(flip(), (Values{1, 0}));
  OperatorCall complement("aten::bitwise_not.out");
  complement.tensor(DType::kS8, {2}, {0, 5}).out(DType::kS8);
  EXPECT_EQ(complement(), (Values{-1, -6}));
  OperatorCall left("aten::bitwise_left_shift.Tensor_Scalar_out");
  left.s64({2}, {1, -3}).integer(4).out(DType::kS64);
  EXPECT_EQ(left(), (Values{16, -48}));
  OperatorCall real("aten::bitwise_or.Scalar_out");
  real.f32({1}, {1}).integer(1).out(DType::kF32);
  EXPECT_FALSE(real.run());
}

TEST(Where, BroadcastsAllThree) {
  OperatorCall where("aten::where.self_out");
  where.flags({2, 1}, {1, 0}).f32({3}, {1, 2, 3}).f32({}, {-1}).out(DType::kF32);
  EXPECT_EQ(where(), (Values{1, 2, 3, -1, -1, -1}));
  OperatorCall fill("aten::masked_fill.Scalar_out");
  fill.f32({2, 2}, {1, 2, 3, 4}).flags({2}, {0, 1}).real(-kInf).out(DType::kF32);
  EXPECT_EQ(fill(), (Values{1, -kInf, 3, -kInf}));
}

TEST(Clamp, OneOrBothBounds) {
  OperatorCall both("aten::clamp.out");
  both.f32({4}, {-2, 0.5, 3, kNan}).integer(-1).real(1.5).out(DType::kF32);
  expect_near(both(), {-1, 0.5, 1.5, kNan});
  OperatorCall low("aten::clamp.out");
  low.s64({2}, {-5, 5}).integer(0).none().out(DType::kS64);
  EXPECT_EQ(low(), (Values{0, 5}));
  OperatorCall tensors("aten::clamp.Tensor_out");
  tensors.f32({2, 2}, {1, 2, 3, 4}).none().f32({2}, {2, 3}).out(DType::kF32);
  EXPECT_EQ(tensors(), (Values{1, 2, 2, 3}));
}

struct UnaryCase {
  const char* name;
  double (*expected)(double);
};

TEST(Unary, AgreesWithTheMathLibrary) {
  const Values points = {0, 0.25, -0.25, 0.5, 1, -1, 1.5, 2.5, -2.5, 10, -10, kInf, -kInf, kNan};
  const UnaryCase cases[] = {
      {"aten::abs.out", [](double x) { return std::abs(x); }},
      {"aten::acos.out", [](double x) { return std::acos(x); }},
      {"aten::acosh.out", [](double x) { return std::acosh(x); }},
      {"aten::asin.out", [](double x) { return std::asin(x); }},
      {"aten::asinh.out", [](double x) { return std::asinh(x); }},
      {"aten::atan.out", [](double x) { return std::atan(x); }},
      {"aten::atanh.out", [](double x) { return std::atanh(x); }},
      {"aten::ceil.out", [](double x) { return std::ceil(x); }},
      {"aten::cos.out", [](double x) { return std::cos(x); }},
      {"aten::cosh.out", [](double x) { return std::cosh(x); }},
      {"aten::erf.out", [](double x) { return std::erf(x); }},
      {"aten::exp.out", [](double x) { return std::exp(x); }},
      {"aten::expm1.out", [](double x) { return std::expm1(x); }},
      {"aten::floor.out", [](double x) { return std::floor(x); }},
      {"aten::isinf.out", [](double x) { return double(std::isinf(x)); }},
      {"aten::isnan.out", [](double x) { return double(std::isnan(x)); }},
      {"aten::log.out", [](double x) { return std::log(x); }},
      {"aten::log10.out", [](double x) { return std::log10(x); }},
      {"aten::log1p.out", [](double x) { return std::log1p(x); }},
      {"aten::log2.out", [](double x) { return std::log2(x); }},
      {"aten::neg.out", [](double x) { return -x; }},
      {"aten::reciprocal.out", [](double x) { return 1 / x; }},
      {"aten::relu.out", [](double x) { return std::isnan(x) ? x : std::max(x, 0.0); }},
      {"aten::round.out", [](double x) { return std::nearbyint(x); }},
      {"aten::rsqrt.out", [](double x) { return 1 / std::sqrt(x); }},
      {"aten::sigmoid.out", [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"aten::sin.out", [](double x) { return std::sin(x); }},
      {"aten::sinh.out", [](double x) { return std::sinh(x); }},
      {"aten::sqrt.out", [](double x) { return std::sqrt(x); }},
      {"aten::tan.out", [](double x) { return std::tan(x); }},
      {"aten::tanh.out", [](double x) { return std::tanh(x); }},
      {"aten::trunc.out", [](double x) { return std::trunc(x); }},
      {"aten::logical_not.out", [](double x) { return double(x == 0); }},
  };
  const Shape shape{int64_t(points.size())};
  for (const UnaryCase& c : cases) {
    SCOPED_TRACE(c.name);
    Values expected;
    for (const double x : points) expected.push_back(c.expected(x));
    for (const DType type : {DType::kF32, DType::kF64, DType::kF16}) {
      OperatorCall call(c.name);
      call.tensor(type, shape, points).out(type);
      expect_near(call(), expected, type == DType::kF16 ? 2e-3 : 1e-5);
    }
  }
}

TEST(Unary, IntegersBecomeFloatWhereTheResultIsReal) {
  OperatorCall sqrt("aten::sqrt.out");
  sqrt.tensor(DType::kS32, {3}, {4, 9, 2}).out(DType::kF32);
  expect_near(sqrt(), {2, 3, std::sqrt(2.0)});
  OperatorCall abs("aten::abs.out");
  abs.tensor(DType::kS16, {3}, {-4, 9, 0}).out(DType::kS16);
  EXPECT_EQ(abs(), (Values{4, 9, 0}));
}

TEST(Unary, Activations) {
  const Values x = {-2, -0.5, 0, 0.5, 2};
  OperatorCall gelu("aten::gelu.out");
  gelu.f32({5}, x).string("none").out(DType::kF32);
  Values expected;
  for (const double v : x) expected.push_back(v * 0.5 * (1 + std::erf(v / std::sqrt(2.0))));
  expect_near(gelu(), expected);
  // torch.nn.functional.gelu(torch.tensor([-2, -0.5, 0, 0.5, 2]), approximate="tanh")
  OperatorCall tanh("aten::gelu.out");
  tanh.f32({5}, x).string("tanh").out(DType::kF32);
  expect_near(tanh(), {-0.0454023, -0.1542860, 0, 0.3457140, 1.9545977}, 1e-6);
  OperatorCall elu("aten::elu.out");
  elu.f32({5}, x).real(2).real(3).real(0.5).out(DType::kF32);
  expected.clear();
  for (const double v : x) expected.push_back(v > 0 ? 3 * v : 6 * std::expm1(0.5 * v));
  expect_near(elu(), expected);
  OperatorCall leaky("aten::leaky_relu.out");
  leaky.f32({5}, x).real(0.1).out(DType::kF32);
  expect_near(leaky(), {-0.2, -0.05, 0, 0.5, 2});
  OperatorCall hard("aten::hardtanh.out");
  hard.f32({5}, x).real(-1).real(1).out(DType::kF32);
  EXPECT_EQ(hard(), (Values{-1, -0.5, 0, 0.5, 1}));
  OperatorCall logit("aten::logit.out");
  logit.f32({3}, {0, 0.5, 1}).real(0.25).out(DType::kF32);
  expect_near(logit(), {std::log(1.0 / 3), 0, std::log(3.0)});
}

TEST(Creation, FillsAndCounts) {
  OperatorCall full("aten::full.out");
  full.ints({2, 2}).real(2.75).out(DType::kS32);
  EXPECT_EQ(full(), (Values{2, 2, 2, 2}));
  OperatorCall range("aten::arange.start_out");
  range.real(1).real(2).real(0.25).out(DType::kF32);
  EXPECT_EQ(range(), (Values{1, 1.25, 1.5, 1.75}));
  OperatorCall down("aten::arange.start_out");
  down.integer(5).integer(-2).integer(-3).out(DType::kS64);
  EXPECT_EQ(down(), (Values{5, 2, -1}));
  OperatorCall never("aten::arange.start_out");
  never.integer(0).integer(5).integer(0).out(DType::kS64);
  EXPECT_FALSE(never.run());
  OperatorCall number("aten::scalar_tensor.out");
  number.boolean(true).out(DType::kBF16);
  EXPECT_EQ(number(), Values{1});
  EXPECT_EQ(number.shape(), Shape());
  OperatorCall ones("aten::ones.out");
  ones.ints({0, 4}).out(DType::kF32);
  EXPECT_EQ(ones(), Values());
  OperatorCall negative("aten::zeros.out");
  negative.ints({-1}).out(DType::kF32);
  EXPECT_FALSE(negative.run());
}

TEST(Convert, BetweenAllTypes) {
  for (const DType from : kAllTypes) {
    for (const DType to : kAllTypes) {
      OperatorCall convert("dim_order_ops::_to_dim_order_copy.out");
      convert.tensor(from, {3}, {0, 1, 100}).boolean(false).none().out(to);
      EXPECT_EQ(convert(), (Values{0, 1, 100})) << smelt::name(from) << " " << smelt::name(to);
    }
  }
  OperatorCall truncated("aten::_to_copy.out");
  truncated.f32({4}, {1.9, -1.9, 0.5, -0.5}).boolean(false).none().out(DType::kS32);
  EXPECT_EQ(truncated(), (Values{1, -1, 0, 0}));
  OperatorCall truth("aten::_to_copy.out");
  truth.f32({4}, {0, 0.1, -3, kNan}).boolean(false).none().out(DType::kBool);
  EXPECT_EQ(truth(), (Values{0, 1, 1, 1}));
  // Integers beyond float's 24 bits survive the way to double.
  OperatorCall wide("aten::_to_copy.out");
  wide.s64({1}, {16777217}).boolean(false).none().out(DType::kF64);
  EXPECT_EQ(wide(), Values{16777217});
}

}  // namespace
}  // namespace smelt::program::testing
