// Functions of one and two operands, and conversions.
#include <cmath>
#include <functional>

#include "base/row_quant.h"
#include "op_runner.h"

namespace smelt {

namespace {

// Powers of two: real values are exact in float and in double, which the steps of floor and ceiling
// would show.
constexpr Encoding kS8 = {DType::kS8, 0x1p-5f, -7}, kU8 = {DType::kU8, 0x1p-5f, 120};
constexpr Encoding kEncodings[] = {kF32, kF16, kBF16, kS8, kU8};

struct Unary {
  OpKind kind;
  std::function<double(double)> f;
  Attrs attrs = NoAttrs{};
  OutputRange range = {};
};

const std::vector<Unary>& unaries() {
  static const std::vector<Unary> all = {
      {OpKind::kAbs, [](double x) { return std::abs(x); }},
      {OpKind::kCeiling, [](double x) { return std::ceil(x); }},
      {OpKind::kClamp, [](double x) { return std::clamp(x, -1.0, 2.0); }, NoAttrs{}, {-1, 2}},
      {OpKind::kCos, [](double x) { return std::cos(x); }},
      {OpKind::kElu, [](double x) { return x > 0 ? x : 0.5 * std::expm1(x); }, AlphaAttrs{0.5f}},
      {OpKind::kExp, [](double x) { return std::exp(x); }},
      {OpKind::kFloor, [](double x) { return std::floor(x); }},
      {OpKind::kGelu, [](double x) { return x * 0.5 * std::erfc(-x * M_SQRT1_2); }},
      {OpKind::kHardswish, [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }},
      {OpKind::kLeakyRelu, [](double x) { return x < 0 ? 0.25 * x : x; }, AlphaAttrs{0.25f}},
      {OpKind::kLog, [](double x) { return std::log(x); }},
      {OpKind::kNegate, [](double x) { return -x; }},
      {OpKind::kReciprocalSquareRoot, [](double x) { return 1 / std::sqrt(x); }},
      {OpKind::kSigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {OpKind::kSin, [](double x) { return std::sin(x); }},
      {OpKind::kSquare, [](double x) { return x * x; }},
      {OpKind::kSquareRoot, [](double x) { return std::sqrt(x); }},
      {OpKind::kTanh, [](double x) { return std::tanh(x); }},
  };
  return all;
}

TEST(Unary, EveryFunctionInEveryType) {
  for (const Unary& u : unaries()) {
    const bool positive = u.kind == OpKind::kLog || u.kind == OpKind::kSquareRoot ||
                          u.kind == OpKind::kReciprocalSquareRoot;
    for (const Encoding& e : kEncodings) {
      SCOPED_TRACE(std::string(name(u.kind)) + " of " + std::string(name(e.dtype)));
      const TestTensor in = TestTensor::random(e, {3, 5, 23}, 1, positive ? 0.25f : -3, 3);
      std::vector<double> expected = in.values();
      for (double& x : expected) x = u.f(x);
      const auto out = run({u.kind, u.attrs, u.range, {in}, {e}});
      ASSERT_TRUE(out) << out.error().message;
      EXPECT_EQ((*out)[0].shape(), in.shape());
      EXPECT_TRUE(matches((*out)[0], expected));
    }
  }
}

TEST(Unary, BytesMayChangeTheirQuantisation) {
  for (OpKind kind : {OpKind::kClamp, OpKind::kSigmoid}) {
    const TestTensor in = TestTensor::random(kS8, {300}, 2);
    std::vector<double> expected = in.values();
    for (double& x : expected)
      x = kind == OpKind::kClamp ? std::clamp(x, -1.0, 1.0) : 1 / (1 + std::exp(-x));
    const OutputRange range = kind == OpKind::kClamp ? OutputRange{-1, 1} : OutputRange{};
    const auto out = run({kind, NoAttrs{}, range, {in}, {{DType::kS8, 0.011f, 3}}});
    ASSERT_TRUE(out);
    EXPECT_TRUE(matches((*out)[0], expected));
  }
}

TEST(Unary, LargeTensorsAreSplit) {
  const TestTensor in = TestTensor::random(kF32, {7, 100, 211}, 3);
  std::vector<double> expected = in.values();
  for (double& x : expected) x = std::tanh(x);
  const auto out = run({OpKind::kTanh, NoAttrs{}, {}, {in}, {kF32}});
  ASSERT_TRUE(out);
  EXPECT_TRUE(matches((*out)[0], expected));
}

TEST(Unary, ScalarsAndEmptyTensors) {
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{3, 0, 2}}) {
    const TestTensor in = TestTensor::random(kF32, shape, 4);
    std::vector<double> expected = in.values();
    for (double& x : expected) x = std::abs(x);
    const auto out = run({OpKind::kAbs, NoAttrs{}, {}, {in}, {kF32}});
    ASSERT_TRUE(out);
    EXPECT_TRUE(matches((*out)[0], expected));
  }
}

// ---- two operands -----------------------------------------------------------------------------------------------------

double binary(OpKind kind, double a, double b) {
  switch (kind) {
    case OpKind::kAdd:
      return a + b;
    case OpKind::kSubtract:
      return a - b;
    case OpKind::kMultiply:
      return a * b;
    case OpKind::kDivide:
      return a / b;
    case OpKind::kMinimum:
      return std::min(a, b);
    case OpKind::kMaximum:
      return std::max(a, b);
    default:
      return a < 0 ? a * b : a;
  }
}

constexpr OpKind kBinaries[] = {OpKind::kAdd,    OpKind::kSubtract, OpKind::kMultiply,
                                OpKind::kDivide, OpKind::kMinimum,  OpKind::kMaximum,
                                OpKind::kPRelu};

/// Every output element from the operands' elements, by the definition of broadcasting.
std::vector<double> broadcast(OpKind kind, const TestTensor& a, const TestTensor& b,
                              const Shape& out, const OutputRange& range) {
  const std::vector<double> x = a.values(), y = b.values();
  std::vector<double> expected(out.numel());
  const auto offset = [&](const Shape& in, size_t flat) {
    size_t at = 0, stride = 1;
    for (size_t i = 0; i < out.rank(); ++i) {
      const size_t index = flat % size_t(out.back(i));
      flat /= size_t(out.back(i));
      if (i >= in.rank()) continue;
      if (in.back(i) != 1) at += index * stride;
      stride *= size_t(in.back(i));
    }
    return at;
  };
  for (size_t i = 0; i < expected.size(); ++i) {
    expected[i] = std::clamp<double>(binary(kind, x[offset(a.shape(), i)], y[offset(b.shape(), i)]),
                                     range.min, range.max);
  }
  return expected;
}

TEST(Binary, EveryFunctionInEveryType) {
  for (OpKind kind : kBinaries) {
    for (const Encoding& e : kEncodings) {
      SCOPED_TRACE(std::string(name(kind)) + " of " + std::string(name(e.dtype)));
      const TestTensor a = TestTensor::random(e, {2, 31, 5}, 5),
                       b = TestTensor::random(e, {2, 31, 5}, 6, 0.5f, 3);
      const OutputRange range = {-2, 2.5f};
      const auto out = run({kind, NoAttrs{}, range, {a, b}, {e}});
      ASSERT_TRUE(out) << out.error().message;
      EXPECT_TRUE(matches((*out)[0], broadcast(kind, a, b, {2, 31, 5}, range)));
    }
  }
}

TEST(Binary, BytesHaveThreeQuantisations) {
  const TestTensor a = TestTensor::random({DType::kS8, 0.05f, 11}, {4, 60}, 7);
  const TestTensor b = TestTensor::random({DType::kS8, 0.01f, -90}, {60}, 8, 0.1f, 2);
  for (OpKind kind : kBinaries) {
    const auto out = run({kind, NoAttrs{}, {}, {a, b}, {{DType::kS8, 0.04f, 30}}});
    ASSERT_TRUE(out);
    EXPECT_TRUE(matches((*out)[0], broadcast(kind, a, b, {4, 60}, {}))) << name(kind);
  }
}

TEST(Binary, Broadcasting) {
  struct Case {
    Shape a, b, out;
  };
  const Case cases[] = {
      {{}, {}, {}},
      {{1}, {5}, {5}},
      {{4, 3}, {}, {4, 3}},
      {{4, 3}, {3}, {4, 3}},
      {{3}, {4, 3}, {4, 3}},
      {{4, 1}, {1, 3}, {4, 3}},
      {{4, 1}, {3}, {4, 3}},
      {{2, 3, 4, 5}, {1, 3, 1, 1}, {2, 3, 4, 5}},
      {{2, 3, 4, 5}, {3, 1, 5}, {2, 3, 4, 5}},
      {{2, 1, 4, 1}, {1, 3, 1, 5}, {2, 3, 4, 5}},
      {{2, 1, 1, 5}, {3, 4, 5}, {2, 3, 4, 5}},
      {{2, 1, 2, 1, 2, 1}, {1, 3, 1, 3, 1, 3}, {2, 3, 2, 3, 2, 3}},
      {{2, 2, 1, 2, 2, 1, 2}, {2, 1, 2, 2, 1, 2, 2}, {2, 2, 2, 2, 2, 2, 2}},
      {{64, 1, 300}, {40, 300}, {64, 40, 300}},
      {{1, 32, 48, 3}, {3}, {1, 32, 48, 3}},
      {{10, 64, 1}, {10, 1, 8}, {10, 64, 8}},
      {{500, 1, 3}, {500, 2, 1}, {500, 2, 3}},
      {{1, 50000}, {2, 1}, {2, 50000}},
      {{0, 3}, {1, 3}, {0, 3}},
      {{1, 3}, {0, 1}, {0, 3}},
  };
  for (const Case& c : cases) {
    for (const Encoding& e : {kF32, kF16, kS8}) {
      const TestTensor a = TestTensor::random(e, c.a, 9), b = TestTensor::random(e, c.b, 10);
      const auto out = run({OpKind::kSubtract, NoAttrs{}, {}, {a, b}, {e}});
      ASSERT_TRUE(out) << out.error().message;
      ASSERT_EQ((*out)[0].shape(), c.out);
      EXPECT_TRUE(matches((*out)[0], broadcast(OpKind::kSubtract, a, b, c.out, {})))
          << to_string(c.a) << " - " << to_string(c.b);
    }
  }
}

TEST(Binary, Int32) {
  constexpr Encoding kS32 = {DType::kS32};
  const TestTensor a(kS32, {4}, std::vector<double>{1, -5, 2e9, 7}),
      b(kS32, {1}, std::vector<double>{3});
  const auto sum = run({OpKind::kAdd, NoAttrs{}, {}, {a, b}, {kS32}});
  ASSERT_TRUE(sum);
  EXPECT_TRUE(matches((*sum)[0], std::vector<double>{4, -2, 2000000003, 10}, 0, 0));
  EXPECT_EQ(error_of({OpKind::kDivide, NoAttrs{}, {}, {a, b}, {kS32}})->code,
            ErrorCode::kUnsupported);
}

TEST(Binary, ShapesThatDoNotBroadcastAreErrors) {
  const auto error = error_of(
      {OpKind::kAdd, NoAttrs{}, {}, {TestTensor(kF32, {2, 3}), TestTensor(kF32, {2, 4})}, {kF32}});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error->message, "shapes [2, 3] and [2, 4] do not broadcast");
}

TEST(Binary, TypesThatDifferAreErrors) {
  const auto error = error_of(
      {OpKind::kAdd, NoAttrs{}, {}, {TestTensor(kF32, {2}), TestTensor(kS8, {2})}, {kF32}});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kUnsupported);
  EXPECT_NE(error->message.find("Add: operands (float32, int8 per tensor) to (float32)"),
            std::string::npos)
      << error->message;
}

// ---- conversions ------------------------------------------------------------------------------------------------------

TEST(Convert, BetweenAllEncodings) {
  for (const Encoding& from : kEncodings) {
    for (const Encoding& to : {kF32, kF16, kBF16, kS8, kU8, Encoding{DType::kS8, 0.07f, 40}}) {
      const TestTensor in = TestTensor::random(from, {5, 77}, 11);
      const auto out = run({OpKind::kConvert, NoAttrs{}, {}, {in}, {to}});
      ASSERT_TRUE(out) << out.error().message;
      EXPECT_TRUE(matches((*out)[0], in.values())) << name(from.dtype) << " to " << name(to.dtype);
    }
  }
}

/// Runs float to int8 per token by hand: TestTensor has no such encoding.
void check_rows(const Encoding& from, const Shape& shape, uint8_t nonbatch_dims) {
  const TestTensor in = TestTensor::random(from, shape, 12);
  Quant quant;
  quant.granularity = QuantGranularity::kPerToken;
  quant.nonbatch_dims = nonbatch_dims;
  const TensorDesc out = {DType::kS8, shape, &quant};
  const NodeSpec spec = {OpKind::kConvert, NoAttrs{}, {}, {{in.desc()}}, {{out}}};
  const auto op = make_op(spec, *Cpu::detect());
  ASSERT_TRUE(op) << op.error().message;
  const auto bound = (*op)->bind(std::array{in.desc()}, std::array{out}, 2);
  ASSERT_TRUE(bound);
  EXPECT_EQ((*bound)->in_place(), std::nullopt);
  std::vector<std::byte> bytes(out.bytes());
  const auto pool = ThreadPool::create(2);
  RunContext context = {*pool, {}};
  (*bound)->run(std::array{in.bytes.data()}, std::array{bytes.data()}, context);

  const std::vector<double> values = in.values();
  const size_t length = out.row_elements();
  for (size_t r = 0; r < out.rows(); ++r) {
    RowQuant found;
    std::memcpy(&found, bytes.data() + out.row_quant_offset() + r * sizeof found, sizeof found);
    double min = 0, max = 0;
    for (size_t i = r * length; i < (r + 1) * length; ++i) {
      min = std::min(min, values[i]);
      max = std::max(max, values[i]);
    }
    ASSERT_NEAR(found.scale, (max - min) / 255, 1e-8);
    for (size_t i = r * length; i < (r + 1) * length; ++i) {
      ASSERT_NEAR((double(int8_t(bytes[i])) - found.zero) * found.scale, values[i],
                  found.scale * 1.001);
    }
  }
}

TEST(Convert, ToRowsWithTheirOwnScales) {
  for (const Encoding& from : {kF32, kF16, kBF16}) {
    check_rows(from, {3, 5, 33}, 1);
    check_rows(from, {3, 5, 33}, 2);
    check_rows(from, {200, 511}, 1);
    check_rows(from, {7}, 1);
  }
}

TEST(Convert, RowsOfMoreDimensionsThanThereAreIsAnError) {
  Quant quant;
  quant.granularity = QuantGranularity::kPerToken;
  quant.nonbatch_dims = 3;
  const TensorDesc in = {DType::kF32, {4, 4}, nullptr}, out = {DType::kS8, {4, 4}, &quant};
  const auto op = make_op({OpKind::kConvert, NoAttrs{}, {}, {{in}}, {{out}}}, Cpu());
  ASSERT_FALSE(op);
  EXPECT_EQ(op.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace

}  // namespace smelt
