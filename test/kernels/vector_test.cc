// The vector kernels of every ISA that this machine has, against plain loops in double precision.
#include <cmath>
#include <deque>
#include <cstring>
#include <functional>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "base/float16.h"
#include "kernel_log.h"
#include "kernels/vector/by_type.h"
#include "kernels/vector/strided_copy.h"
#include "kernels/vector/tables.h"
#include "support/guarded.h"
#include "support/random.h"

namespace smelt {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr FloatRange kAll = {-kInfinity, kInfinity};

// Around the vector lengths of every ISA, and around four vectors.
constexpr size_t kSizes[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,   15,
                             16, 17, 31, 32, 33, 63, 64, 65, 100, 131};

class Vector : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    table_ = vector_tables()[GetParam()];
    if (!test_cpu().isa.has(table_.isa))
      GTEST_SKIP() << table_.kernels->name << " needs " << name(table_.isa);
  }
  void TearDown() override {
    if (!IsSkipped()) log_kernel_run(table_.kernels->name, table_.isa);
  }
  const VectorKernels& kernels() const { return *table_.kernels; }

 private:
  VectorTable table_{};
};

INSTANTIATE_TEST_SUITE_P(Isa, Vector, testing::Range(size_t(0), vector_tables().size()),
                         [](const auto& info) {
                           return std::string(name(vector_tables()[info.param].isa));
                         });

// ---- element types ------------------------------------------------------------------------------

struct F32Type {
  using Stored = float;
  static constexpr DType kType = DType::kF32;
  static float real(float x) { return x; }
  static float stored(double x) { return float(x); }
  static constexpr double kEpsilon = 0x1p-24;
};
struct F16Type {
  using Stored = Half;
  static constexpr DType kType = DType::kF16;
  static float real(Half x) { return float(x); }
  static Half stored(double x) { return Half(float(x)); }
  static constexpr double kEpsilon = 0x1p-11;
};
struct BF16Type {
  using Stored = BFloat16;
  static constexpr DType kType = DType::kBF16;
  static float real(BFloat16 x) { return float(x); }
  static BFloat16 stored(double x) { return BFloat16(float(x)); }
  static constexpr double kEpsilon = 0x1p-8;
};

template <class F>
void for_float_types(F f) {
  f(F32Type());
  f(F16Type());
  f(BF16Type());
}

/// Within `relative` of the expected value, or `absolute`; infinities and NaN exactly.
testing::AssertionResult near(double actual, double expected, double relative, double absolute) {
  if (std::isnan(expected) ? std::isnan(actual)
                           : actual == expected || std::abs(actual - expected) <=
                                                       absolute + relative * std::abs(expected)) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << actual << " instead of " << expected << ", relative error "
                                     << std::abs(actual - expected) / std::abs(expected);
}

template <class Type>
std::vector<typename Type::Stored> random_values(size_t n, uint64_t seed, float low = -4,
                                                 float high = 4) {
  Random random(seed);
  std::vector<typename Type::Stored> values(n);
  for (auto& v : values) v = Type::stored(random.real(low, high));
  return values;
}

// ---- maps of one operand ------------------------------------------------------------------------

struct UnaryCase {
  UnaryOp op;
  std::function<double(double)> f;
  double relative = 1e-6;
  double absolute = 1e-44;  ///< results may be subnormal
  UnaryParams params = {};
};

double gelu(double x) { return x == -INFINITY ? -0.0 : x * 0.5 * std::erfc(-x * M_SQRT1_2); }

std::vector<UnaryCase> unary_cases() {
  const auto elu = [](double x) { return x > 0 ? x : 0.75 * std::expm1(x); };
  const auto gelu_tanh = [](double x) {
    return x < -50 ? -0.0
                   : x * 0.5 * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
  };
  const auto gate = [](double x) {
    return std::isnan(x) ? x : std::min(6.0, std::max(0.0, x + 3)) / 6;
  };
  const auto clamp = [](double x) { return x < -1.5 ? -1.5 : x > 2.25 ? 2.25 : x; };
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  return {
      {UnaryOp::kAbs, [](double x) { return std::abs(x); }, 0},
      {UnaryOp::kCeiling, [](double x) { return std::ceil(x); }, 0},
      {UnaryOp::kClamp, clamp, 0, 0, {-1.5f, 2.25f}},
      {UnaryOp::kCos, [](double x) { return std::cos(x); }, 1e-6, 1e-6},
      {UnaryOp::kElu, elu, 1e-6, 1e-44, {0.75f, 0}},
      {UnaryOp::kErf, [](double x) { return std::erf(x); }},
      {UnaryOp::kExp, [](double x) { return double(float(std::exp(x))); }},
      {UnaryOp::kFloor, [](double x) { return std::floor(x); }, 0},
      {UnaryOp::kGelu, gelu, 1e-6, 1e-6},
      // Far below zero, 1 + tanh cancels in the definition itself.
      {UnaryOp::kGeluTanh, gelu_tanh, 2e-6, 1e-6},
      {UnaryOp::kHardsigmoid, gate},
      {UnaryOp::kHardswish, [=](double x) { return x * gate(x); }},
      {UnaryOp::kLeakyRelu, [](double x) { return x < 0 ? x * 0.125 : x; }, 0, 1e-44, {0.125f, 0}},
      {UnaryOp::kLog, [](double x) { return std::log(x); }},
      {UnaryOp::kNegate, [](double x) { return -x; }, 0},
      {UnaryOp::kReciprocal, [](double x) { return double(float(1 / x)); }},
      {UnaryOp::kReciprocalSquareRoot, [](double x) { return 1 / std::sqrt(x); }},
      {UnaryOp::kRound, [](double x) { return std::nearbyint(x); }, 0},
      {UnaryOp::kSigmoid, sigmoid},
      {UnaryOp::kSilu, [=](double x) { return x == -INFINITY ? NAN : x * sigmoid(x); }, 1e-6,
       1e-42},
      {UnaryOp::kSin, [](double x) { return std::sin(x); }, 1e-6, 1e-6},
      {UnaryOp::kSquare, [](double x) { return double(float(x * x)); }, 0, 1e-44},
      {UnaryOp::kSquareRoot, [](double x) { return double(float(std::sqrt(x))); }, 0},
      {UnaryOp::kTanh, [](double x) { return std::tanh(x); }},
      {UnaryOp::kTruncate, [](double x) { return std::trunc(x); }, 0},
  };
}

std::vector<float> unary_inputs() {
  std::vector<float> values = {
      0.0f,   -0.0f,   1.0f,    -1.0f,    0.5f,      -0.5f,      1.5f,     2.5f,    -2.5f,
      3.0f,   -3.0f,   1e-45f,  -1e-45f,  1e-39f,    FLT_MIN,    1e-20f,   -1e-8f,  1e-4f,
      88.0f,  88.8f,   -87.0f,  -88.0f,   -103.0f,   -104.5f,    -150.0f,  200.0f,  8388609.0f,
      1e9f,   -1e9f,   FLT_MAX, -FLT_MAX, kInfinity, -kInfinity, kNan,     1e20f,   -1e20f,
      1.414f, -1.414f, 1.4143f, -13.0f,   -14.4f,    -14.6f,     30001.0f, 29999.0f};
  Random random(1);
  for (float scale : {1e-3f, 1.0f, 10.0f, 100.0f, 20000.0f}) {
    for (int i = 0; i < 2000; ++i) values.push_back(random.real(-scale, scale));
  }
  return values;
}

TEST_P(Vector, UnaryFunctions) {
  const std::vector<UnaryCase> cases = unary_cases();
  ASSERT_EQ(cases.size(), kUnaryOpCount);
  const std::vector<float> in = unary_inputs();
  for (const UnaryCase& c : cases) {
    std::vector<float> out(in.size());
    kernels().unary[size_t(c.op)].f32(in.data(), out.data(), in.size(), c.params);
    for (size_t i = 0; i < in.size(); ++i) {
      ASSERT_TRUE(near(out[i], c.f(in[i]), c.relative, c.absolute))
          << "op " << int(c.op) << " of " << in[i];
    }
  }
}

// What docs/NUMERICS.md says, to the bit where it says a number.
TEST_P(Vector, UnaryFunctionsAtTheEndsOfTheirRange) {
  const auto check = [&]<class Type>(Type, UnaryOp op, double x, double want) {
    const typename Type::Stored in = Type::stored(x);
    typename Type::Stored out;
    for_float(kernels().unary[size_t(op)], Type::kType)(&in, &out, 1, {0.75f, 0});
    const float got = Type::real(out);
    EXPECT_TRUE(std::isnan(want) ? std::isnan(got) : got == want)
        << int(op) << " of " << x << ": " << got << ", not " << want;
    if (want == 0) EXPECT_EQ(std::signbit(got), std::signbit(want)) << int(op) << " of " << x;
  };
  for_float_types([&](auto type) {
    using Type = decltype(type);
    for (UnaryOp op : {UnaryOp::kGelu, UnaryOp::kGeluTanh}) {
      check(type, op, -kInfinity, -0.0);
      check(type, op, kInfinity, kInfinity);
      check(type, op, kNan, kNan);
    }
    for (UnaryOp op : {UnaryOp::kHardswish, UnaryOp::kSilu}) {
      check(type, op, -kInfinity, kNan);
      check(type, op, kInfinity, kInfinity);
    }
    check(type, UnaryOp::kElu, -kInfinity, -0.75);
    check(type, UnaryOp::kClamp, kNan, kNan);
    // The largest of the type, and a sixth of it and more: x times 6 would be infinite.
    const float largest = Type::kType == DType::kF16 ? 65504.0f : 0x1.fep127f;
    for (float x : {largest, largest / 2, largest / 4}) {
      check(type, UnaryOp::kHardswish, x, Type::real(Type::stored(x)));
      check(type, UnaryOp::kHardswish, -x, -0.0);
    }
  });
}

TEST_P(Vector, UnaryFunctionsOfHalfTypes) {
  const auto check = [&](auto type) {
    using Type = decltype(type);
    using T = typename Type::Stored;
    std::vector<T> in;
    for (uint32_t bits = 0; bits < 65536; bits += 7) in.push_back(T::from_bits(uint16_t(bits)));
    std::vector<T> out(in.size());
    for (const UnaryCase& c : unary_cases()) {
      for_float(kernels().unary[size_t(c.op)], Type::kType)(in.data(), out.data(), in.size(),
                                                            c.params);
      for (size_t i = 0; i < in.size(); ++i) {
        const double expected = c.f(float(in[i]));
        // One rounding, plus the error in f32; the same beyond the largest finite value.
        const double rounded = float(T(float(expected)));
        ASSERT_TRUE(near(float(out[i]), expected, Type::kEpsilon * 1.01, 1e-7 + c.absolute) ||
                    near(float(out[i]), rounded, 0, 0))
            << "op " << int(c.op) << " of " << float(in[i]) << ": " << float(out[i]) << ", not "
            << expected;
      }
    }
  };
  check(F16Type());
  check(BF16Type());
}

TEST_P(Vector, UnaryOfAnyLengthInPlaceAndWithinBounds) {
  for_float_types([&](auto type) {
    using Type = decltype(type);
    for (size_t n : kSizes) {
      const auto values = random_values<Type>(n, n);
      Guarded<typename Type::Stored> in(n), out(n);
      std::copy(values.begin(), values.end(), in.begin());
      const UnaryFn fn = for_float(kernels().unary[size_t(UnaryOp::kNegate)], Type::kType);
      fn(in.data(), out.data(), n, {});
      fn(in.data(), in.data(), n, {});
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(Type::real(out[i]), -Type::real(values[i])) << i << " of " << n;
        ASSERT_EQ(Type::real(in[i]), -Type::real(values[i])) << i << " of " << n;
      }
    }
  });
}

TEST_P(Vector, BytesClampAndMap) {
  for (size_t n : kSizes) {
    Guarded<int8_t> in(n), out(n);
    Guarded<uint8_t> uin(n), uout(n), mapped(n);
    uint8_t table[256];
    for (int i = 0; i < 256; ++i) table[i] = uint8_t(i * 7 + 3);
    Random random(n + 1);
    for (size_t i = 0; i < n; ++i) uin[i] = uint8_t(in[i] = int8_t(random.integer(-128, 127)));
    kernels().clamp_byte.s8(in.data(), out.data(), n, -100, 90);
    kernels().clamp_byte.u8(uin.data(), uout.data(), n, 20, 200);
    kernels().map_byte(uin.data(), mapped.data(), n, table);
    for (size_t i = 0; i < n; ++i) {
      ASSERT_EQ(out[i], std::clamp<int>(in[i], -100, 90));
      ASSERT_EQ(uout[i], std::clamp<int>(uin[i], 20, 200));
      ASSERT_EQ(mapped[i], table[uin[i]]);
    }
  }
}

// ---- maps of two operands -----------------------------------------------------------------------

double binary(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return a + b;
    case BinaryOp::kSubtract:
      return a - b;
    case BinaryOp::kMultiply:
      return a * b;
    case BinaryOp::kDivide:
      return a / b;
    case BinaryOp::kMinimum:
      return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b);
    case BinaryOp::kMaximum:
      return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
    case BinaryOp::kPRelu:
      return a < 0 ? a * b : a;
  }
  return 0;
}

constexpr Broadcast kBroadcasts[] = {Broadcast::kNone, Broadcast::kLhs, Broadcast::kRhs};

TEST_P(Vector, BinaryFunctionsRoundOnce) {
  for_float_types([&](auto type) {
    using Type = decltype(type);
    using T = typename Type::Stored;
    for (size_t op = 0; op < kBinaryOpCount; ++op) {
      for (Broadcast broadcast : kBroadcasts) {
        for (size_t n : kSizes) {
          Guarded<T> a(broadcast == Broadcast::kLhs ? 1 : n),
              b(broadcast == Broadcast::kRhs ? 1 : n), out(n);
          const auto x = random_values<Type>(a.size(), n),
                     y = random_values<Type>(b.size(), n + 77);
          std::copy(x.begin(), x.end(), a.begin());
          std::copy(y.begin(), y.end(), b.begin());
          if (n > 3) {
            a[a.size() / 2] = Type::stored(kNan);
            b[b.size() / 3] = Type::stored(kInfinity);
          }
          const FloatRange range = n % 2 == 0 ? kAll : FloatRange{-2, 3};
          for_float(kernels().binary[op], Type::kType)(a.data(), b.data(), out.data(), n, broadcast,
                                                       range);
          for (size_t i = 0; i < n; ++i) {
            const double exact = binary(BinaryOp(op), Type::real(a[a.size() == 1 ? 0 : i]),
                                        Type::real(b[b.size() == 1 ? 0 : i]));
            const double bounded =
                std::isnan(exact) ? exact : std::clamp<double>(exact, range.min, range.max);
            // Two roundings, to f32 and to the type, where these differ.
            ASSERT_TRUE(near(Type::real(out[i]), Type::real(Type::stored(bounded)), 0, 0))
                << "op " << op << ", element " << i << " of " << n;
          }
        }
      }
    }
  });
}

TEST_P(Vector, BinaryInt32WrapsAround) {
  for (Broadcast broadcast : kBroadcasts) {
    for (size_t n : kSizes) {
      Guarded<int32_t> a(broadcast == Broadcast::kLhs ? 1 : n),
          b(broadcast == Broadcast::kRhs ? 1 : n), out(n);
      Random random(n + 5);
      for (int32_t& v : a) v = int32_t(random.next());
      for (int32_t& v : b) v = int32_t(random.next());
      const auto check = [&](BinaryOp op, auto f) {
        kernels().binary_s32[size_t(op)](a.data(), b.data(), out.data(), n, broadcast);
        for (size_t i = 0; i < n; ++i) {
          ASSERT_EQ(out[i], int32_t(f(a[a.size() == 1 ? 0 : i], b[b.size() == 1 ? 0 : i])));
        }
      };
      check(BinaryOp::kAdd, [](int32_t x, int32_t y) { return uint32_t(x) + uint32_t(y); });
      check(BinaryOp::kSubtract, [](int32_t x, int32_t y) { return uint32_t(x) - uint32_t(y); });
      check(BinaryOp::kMultiply, [](int32_t x, int32_t y) { return uint32_t(x) * uint32_t(y); });
      check(BinaryOp::kMinimum, [](int32_t x, int32_t y) { return std::min(x, y); });
      check(BinaryOp::kMaximum, [](int32_t x, int32_t y) { return std::max(x, y); });
    }
  }
}

/// True if `stored` is a nearest integer to the exact quantised value, within the limits.
testing::AssertionResult quantised(int stored, double real, double scale, const QuantizeParams& q) {
  const double exact = std::clamp(real / scale + q.zero, double(q.min), double(q.max));
  // f32 arithmetic may take a value that lies between two integers to either.
  if (std::abs(stored - exact) <= 0.5 + 1e-4) return testing::AssertionSuccess();
  return testing::AssertionFailure() << stored << " instead of " << exact;
}

TEST_P(Vector, BinaryFunctionsOfBytes) {
  const auto check = [&](auto byte, int32_t zero_shift) {
    using T = decltype(byte);
    constexpr int kLow = std::numeric_limits<T>::min(), kHigh = std::numeric_limits<T>::max();
    const QuantBinaryParams params = {{0.05f, -3 + zero_shift},
                                      {0.031f, 17 + zero_shift},
                                      {1 / 0.07f, 5 + zero_shift, kLow + 10, kHigh - 20}};
    for (size_t op = 0; op < kBinaryOpCount; ++op) {
      const auto& pair = kernels().binary_quantized[op];
      const QuantBinaryFn fn = std::is_signed_v<T> ? pair.s8 : pair.u8;
      for (Broadcast broadcast : kBroadcasts) {
        for (size_t n : {size_t(0), size_t(1), size_t(17), size_t(300)}) {
          Guarded<T> a(broadcast == Broadcast::kLhs ? 1 : n),
              b(broadcast == Broadcast::kRhs ? 1 : n), out(n);
          Random random(n + op);
          for (T& v : a) v = T(random.integer(kLow, kHigh));
          for (T& v : b) v = T(random.integer(kLow, kHigh));
          if (n > 2)
            a[0] = T(kLow), b[0] = T(kHigh), a[a.size() - 1] = T(kHigh), b[b.size() - 1] = T(kLow);
          fn(a.data(), b.data(), out.data(), n, broadcast, params);
          for (size_t i = 0; i < n; ++i) {
            const double x =
                (a[a.size() == 1 ? 0 : i] - params.lhs.zero) * double(params.lhs.scale);
            const double y =
                (b[b.size() == 1 ? 0 : i] - params.rhs.zero) * double(params.rhs.scale);
            if (BinaryOp(op) == BinaryOp::kDivide && y == 0) {
              const int expected = x > 0   ? params.out.max
                                   : x < 0 ? params.out.min
                                           : params.out.zero;
              ASSERT_EQ(out[i], expected);
              continue;
            }
            ASSERT_TRUE(quantised(out[i], binary(BinaryOp(op), x, y),
                                  1.0 / params.out.inverse_scale, params.out))
                << "op " << op << " of " << x << " and " << y;
          }
        }
      }
    }
  };
  check(int8_t(), 0);
  check(uint8_t(), 128);
}

// ---- conversions --------------------------------------------------------------------------------

TEST_P(Vector, ConvertsHalfTypesExactly) {
  const auto check = [&](auto type) {
    using Type = decltype(type);
    using T = typename Type::Stored;
    std::vector<T> all(65536);
    for (uint32_t i = 0; i < 65536; ++i) all[i] = T::from_bits(uint16_t(i));
    std::vector<float> wide(all.size());
    for_float(kernels().convert, Type::kType).f32(all.data(), wide.data(), all.size());
    for (size_t i = 0; i < all.size(); ++i) ASSERT_TRUE(near(wide[i], float(all[i]), 0, 0)) << i;

    // Every value, and the floats half-way between neighbours and next to those.
    std::vector<float> narrow;
    for (size_t i = 0; i + 1 < wide.size(); ++i) {
      const float middle = wide[i] + (wide[i + 1] - wide[i]) / 2;
      for (float x : {wide[i], middle, std::nextafter(middle, kInfinity),
                      std::nextafter(middle, -kInfinity)}) {
        narrow.push_back(x);
      }
    }
    std::vector<T> out(narrow.size());
    for_float(kernels().convert.f32, Type::kType)(narrow.data(), out.data(), narrow.size());
    for (size_t i = 0; i < narrow.size(); ++i) {
      if (std::isnan(narrow[i])) {
        ASSERT_TRUE(std::isnan(float(out[i])));
      } else {
        ASSERT_EQ(out[i].bits, T(narrow[i]).bits) << narrow[i];
      }
    }
  };
  check(F16Type());
  check(BF16Type());
}

TEST_P(Vector, QuantizesHalfToEvenAndSaturates) {
  const QuantizeParams s8 = {4, 3, -128, 127}, u8 = {4, 130, 0, 255};
  const std::vector<float> in = {0.0f,  0.125f,  0.375f,    0.625f,     -0.125f, -0.375f,
                                 1e30f, -1e30f,  kInfinity, -kInfinity, kNan,    31.0f,
                                 31.2f, -32.75f, -33.0f,    FLT_MAX,    1e-45f,  7.77f};
  const std::vector<int> expected_s8 = {3,    3, 5,   5,   3,    1,    127, -128, 127,
                                        -128, 3, 127, 127, -128, -128, 127, 3,    34};
  for_float_types([&](auto type) {
    using Type = decltype(type);
    std::vector<typename Type::Stored> values;
    for (float x : in) values.push_back(Type::stored(x));
    std::vector<int8_t> out(in.size());
    std::vector<uint8_t> uout(in.size());
    for_float(kernels().quantize, Type::kType).s8(values.data(), out.data(), in.size(), s8);
    for_float(kernels().quantize, Type::kType).u8(values.data(), uout.data(), in.size(), u8);
    for (size_t i = 0; i < in.size(); ++i) {
      const double real = Type::real(values[i]);
      ASSERT_TRUE(std::isnan(real) ? out[i] == 3 : quantised(out[i], real, 0.25, s8)) << real;
      ASSERT_TRUE(std::isnan(real) ? uout[i] == 130 : quantised(uout[i], real, 0.25, u8)) << real;
      if (Type::kType == DType::kF32) {
        ASSERT_EQ(int(out[i]), expected_s8[i]) << real;
      }
    }
  });
}

TEST_P(Vector, DequantizesEveryByte) {
  uint8_t all[256];
  for (int i = 0; i < 256; ++i) all[i] = uint8_t(i);
  for_float_types([&](auto type) {
    using Type = decltype(type);
    typename Type::Stored out[256];
    for_float(kernels().dequantize.s8, Type::kType)(all, out, 256, {0.037f, -5});
    for (int i = 0; i < 256; ++i) {
      ASSERT_EQ(Type::real(out[i]), Type::real(Type::stored(float(int8_t(all[i]) + 5) * 0.037f)));
    }
    for_float(kernels().dequantize.u8, Type::kType)(all, out, 256, {0.037f, 200});
    for (int i = 0; i < 256; ++i) {
      ASSERT_EQ(Type::real(out[i]), Type::real(Type::stored(float(i - 200) * 0.037f)));
    }
  });
}

TEST_P(Vector, QuantizesRowsByTheirRange) {
  const auto check = [&](auto type, float low, float high, size_t n) {
    using Type = decltype(type);
    const auto values = random_values<Type>(n, n + 3, low, high);
    Guarded<typename Type::Stored> in(n);
    std::copy(values.begin(), values.end(), in.begin());
    Guarded<int8_t> out(n);
    RowQuant found = {};
    for_float(kernels().quantize_rows, Type::kType)(in.data(), out.data(), 1, n, &found);
    double min = 0, max = 0;
    for (const auto& v : values) {
      min = std::min<double>(min, Type::real(v));
      max = std::max<double>(max, Type::real(v));
    }
    const double scale = min == max ? 1 : (max - min) / 255;
    ASSERT_TRUE(near(found.scale, scale, 1e-6, 0));
    if (min == max) {
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(out[i], found.zero);
      return;
    }
    // Both ends of the range are representable to half a step.
    ASSERT_LE(std::abs(-128 - min / scale - found.zero), 0.501) << min << " " << max;
    ASSERT_LE(std::abs(127 - max / scale - found.zero), 0.501) << min << " " << max;
    for (size_t i = 0; i < n; ++i) {
      ASSERT_TRUE(quantised(out[i], Type::real(in[i]), scale, {0, found.zero, -128, 127})) << i;
    }
  };
  for_float_types([&](auto type) {
    for (size_t n : kSizes) {
      check(type, -3, 5, n);
      check(type, 2, 3, n);  // the range is widened to hold 0
      check(type, -9, -8, n);
      check(type, 0, 0, n);
    }
  });
}

// Each row as if it were alone, by the formula.
TEST_P(Vector, QuantizesManyRows) {
  for (size_t rows : {1, 2, 15, 16, 17, 40}) {
    for (size_t n : {0, 1, 7, 16, 33, 100}) {
      const auto values = random_values<F32Type>(rows * n, rows + n, -3, 5);
      Guarded<float> in(rows * n);
      for (size_t i = 0; i < rows * n; ++i) {
        const size_t row = i / n;
        in[i] = row % 5 == 4   ? 0
                : row % 5 == 3 ? -std::abs(values[i])
                : row % 5 == 2 ? std::abs(values[i])
                               : values[i] * float(row + 1);
      }
      Guarded<int8_t> out(rows * n);
      Guarded<RowQuant> found(rows);
      kernels().quantize_rows.f32(in.data(), out.data(), rows, n, found.data());
      for (size_t r = 0; r < rows; ++r) {
        float low = 0, high = 0;
        for (size_t i = 0; i < n; ++i) {
          low = std::min(low, in[r * n + i]);
          high = std::max(high, in[r * n + i]);
        }
        const float inverse = low == high ? 1 : 255 / (high - low);
        const float below = -128 + low * inverse, above = 127 + high * inverse;
        const float zero = below + above > 0 ? -128 - low * inverse : 127 - high * inverse;
        ASSERT_EQ(found[r].zero, int32_t(std::nearbyint(std::clamp(zero, -128.0f, 127.0f))));
        ASSERT_EQ(found[r].scale, 1 / inverse);
        for (size_t i = 0; i < n; ++i) {
          const float q = std::nearbyint(in[r * n + i] * inverse) + float(found[r].zero);
          ASSERT_EQ(out[r * n + i], int8_t(std::clamp(q, -128.0f, 127.0f))) << r << ", " << i;
        }
      }
    }
  }
}

// Not a number becomes the zero point, and what is out of range the nearest end, in whole vectors
// and beside them.
TEST_P(Vector, QuantizesRowsOfExtremes) {
  const std::vector<float> patterns[] = {
      {kInfinity, 1, -kInfinity, kNan, 0, 2},
      {1, kNan, -2, -kNan, 0.5f},
      {kInfinity, 3, 0},
      {-kInfinity, 3, 0},
      {3e38f, -3e38f, 1, 0, kNan},  // the range overflows
      {3e38f, 1e38f, 0},
      {-3e38f, -1e30f},
      {1e-40f, -3e-40f, kNan, 0},  // its inverse does
      {1e-45f},
  };
  for (const auto& pattern : patterns) {
    for (size_t n : {6, 64, 131}) {
      Guarded<float> in(n);
      float low = 0, high = 0;
      for (size_t i = 0; i < n; ++i) {
        in[i] = pattern[i % pattern.size()];
        if (in[i] < low) low = in[i];
        if (in[i] > high) high = in[i];
      }
      Guarded<int8_t> out(n);
      RowQuant found = {};
      kernels().quantize_rows.f32(in.data(), out.data(), 1, n, &found);
      ASSERT_GE(found.zero, -128);
      ASSERT_LE(found.zero, 127);
      if (std::any_of(in.begin(), in.end(), [](float x) { return std::isnan(x); }) ||
          std::isinf(high - low)) {
        ASSERT_TRUE(std::isnan(found.scale)) << in[0];
        for (int8_t q : out) ASSERT_EQ(q, found.zero);
        continue;
      }
      const float inverse = 255 / (high - low);
      for (size_t i = 0; i < n; ++i) {
        const float steps = in[i] * inverse;
        const float q = float(found.zero) + (std::isnan(steps) ? 0 : std::nearbyint(steps));
        ASSERT_EQ(out[i], int8_t(std::clamp(q, -128.0f, 127.0f))) << in[i] << " at " << i;
      }
    }
  }
}

// Wherever it is, whatever its sign; the rows beside it are what they are without it.
TEST_P(Vector, QuantizesRowsThatAreNotFinite) {
  for_float_types([&]<class Type>(Type) {
    for (size_t n : {1, 3, 16, 33, 131}) {
      const auto values = random_values<Type>(3 * n, n, -3, 5);
      Guarded<typename Type::Stored> in(3 * n);
      Guarded<int8_t> want(3 * n), out(3 * n);
      RowQuant want_found[3], found[3];
      std::copy(values.begin(), values.end(), in.begin());
      const QuantizeRowsFn quantize = for_float(kernels().quantize_rows, Type::kType);
      quantize(in.data(), want.data(), 3, n, want_found);
      for (float bad : {kNan, -kNan, kInfinity, -kInfinity}) {
        for (size_t at = 0; at < n; ++at) {
          in[n + at] = Type::stored(bad);
          quantize(in.data(), out.data(), 3, n, found);
          in[n + at] = values[n + at];
          ASSERT_TRUE(std::isnan(found[1].scale)) << bad << " at " << at << " of " << n;
          for (size_t row : {0, 2}) {
            ASSERT_EQ(found[row].scale, want_found[row].scale);
            ASSERT_EQ(found[row].zero, want_found[row].zero);
            ASSERT_EQ(std::memcmp(&out[row * n], &want[row * n], n), 0);
          }
        }
      }
    }
  });
}

// ---- rows ---------------------------------------------------------------------------------------

TEST_P(Vector, RowReductions) {
  for_float_types([&](auto type) {
    using Type = decltype(type);
    for (size_t n : {1, 2, 5, 16, 17, 31, 64, 65, 130, 1000, 4099}) {
      Guarded<typename Type::Stored> in(n);
      const auto values = random_values<Type>(n, n, -3, -1);
      std::copy(values.begin(), values.end(), in.begin());
      double sum = 0, min = INFINITY, max = -INFINITY, squares = 0;
      for (const auto& v : values) {
        sum += Type::real(v);
        min = std::min<double>(min, Type::real(v));
        max = std::max<double>(max, Type::real(v));
      }
      for (const auto& v : values) squares += std::pow(Type::real(v) - sum / double(n), 2);
      ASSERT_TRUE(near(for_float(kernels().row_sum, Type::kType)(in.data(), n), sum, 1e-5, 0));
      ASSERT_EQ(for_float(kernels().row_min, Type::kType)(in.data(), n), min);
      ASSERT_EQ(for_float(kernels().row_max, Type::kType)(in.data(), n), max);
      const Moments moments = for_float(kernels().row_moments, Type::kType)(in.data(), n);
      ASSERT_TRUE(near(moments.mean, sum / double(n), 1e-6, 0));
      ASSERT_TRUE(near(moments.variance, squares / double(n), 1e-5, 1e-7));

      in[n / 2] = Type::stored(kNan);
      ASSERT_TRUE(std::isnan(for_float(kernels().row_max, Type::kType)(in.data(), n)));
      ASSERT_TRUE(std::isnan(for_float(kernels().row_min, Type::kType)(in.data(), n)));
    }
  });
  ASSERT_EQ(kernels().row_sum.f32(nullptr, 0), 0);
}

TEST_P(Vector, RowProduct) {
  for (size_t k : {0, 1, 5, 33}) {
    for (size_t n : {1, 3, 4, 7, 16, 31, 64, 70, 131}) {
      Guarded<float> lhs(k), rhs(k * n), out(n);
      const auto a = random_values<F32Type>(k, 1, -3, 3),
                 b = random_values<F32Type>(k * n, 2, -3, 3);
      std::copy(a.begin(), a.end(), lhs.begin());
      std::copy(b.begin(), b.end(), rhs.begin());
      kernels().row_product(lhs.data(), rhs.data(), out.data(), k, n);
      for (size_t j = 0; j < n; ++j) {
        double sum = 0, magnitude = 0;
        for (size_t i = 0; i < k; ++i) {
          sum += double(a[i]) * b[i * n + j];
          magnitude += std::abs(double(a[i]) * b[i * n + j]);
        }
        ASSERT_NEAR(out[j], sum, double(k + 1) * 0x1p-24 * magnitude)
            << k << ", " << n << ", " << j;
      }
    }
  }
}

TEST_P(Vector, RowSoftmax) {
  for_float_types([&](auto type) {
    using Type = decltype(type);
    for (size_t n : {1, 2, 5, 16, 17, 31, 64, 65, 130, 2048, 2049}) {
      const auto values = random_values<Type>(n, n, -30, 100);
      Guarded<typename Type::Stored> in(n), out(n), logs(n);
      std::copy(values.begin(), values.end(), in.begin());
      double max = -INFINITY, sum = 0;
      for (const auto& v : values) max = std::max<double>(max, Type::real(v));
      for (const auto& v : values) sum += std::exp(Type::real(v) - max);
      for_float(kernels().row_softmax, Type::kType)(in.data(), out.data(), n);
      for_float(kernels().row_log_softmax, Type::kType)(in.data(), logs.data(), n);
      for_float(kernels().row_softmax, Type::kType)(in.data(), in.data(), n);
      for (size_t i = 0; i < n; ++i) {
        const double shifted = Type::real(values[i]) - max;
        const double tolerance = 2e-6 + Type::kEpsilon;
        ASSERT_TRUE(near(Type::real(out[i]), std::exp(shifted) / sum, tolerance, 1e-7))
            << i << " of " << n;
        ASSERT_TRUE(near(Type::real(logs[i]), shifted - std::log(sum), tolerance, 1e-6))
            << i << " of " << n;
        ASSERT_EQ(Type::real(in[i]), Type::real(out[i]));
      }
    }
  });
}

TEST_P(Vector, RowNormalizeDotAndAxpy) {
  for_float_types([&](auto type) {
    using Type = decltype(type);
    using T = typename Type::Stored;
    for (size_t n : kSizes) {
      const auto x = random_values<Type>(n, 1), w = random_values<Type>(n, 2),
                 b = random_values<Type>(n, 3);
      const auto y = random_values<F32Type>(n, 4);
      Guarded<T> in(n), out(n), weight(n), bias(n);
      Guarded<float> wide(n);
      std::copy(x.begin(), x.end(), in.begin());
      std::copy(w.begin(), w.end(), weight.begin());
      std::copy(b.begin(), b.end(), bias.begin());
      std::copy(y.begin(), y.end(), wide.begin());
      const RowNormalizeFn normalize = for_float(kernels().row_normalize, Type::kType);
      normalize(in.data(), out.data(), n, 0.5f, 2.0f, weight.data(), bias.data());
      double dot = 0, magnitude = 0;
      for (size_t i = 0; i < n; ++i) {
        const double expected = (Type::real(x[i]) - 0.5) * 2 * Type::real(w[i]) + Type::real(b[i]);
        ASSERT_TRUE(near(Type::real(out[i]), expected, Type::kEpsilon * 1.1, 2e-5));
        dot += double(y[i]) * Type::real(x[i]);
        magnitude += std::abs(double(y[i]) * Type::real(x[i]));
      }
      normalize(in.data(), out.data(), n, 0.5f, 2.0f, nullptr, nullptr);
      for (size_t i = 0; i < n; ++i) {
        ASSERT_TRUE(
            near(Type::real(out[i]), (Type::real(x[i]) - 0.5) * 2, Type::kEpsilon * 1.1, 1e-6));
      }
      ASSERT_NEAR(for_float(kernels().dot, Type::kType)(wide.data(), in.data(), n), dot,
                  1e-6 * magnitude);
      for_float(kernels().axpy, Type::kType)(0.25f, in.data(), wide.data(), n);
      for (size_t i = 0; i < n; ++i) {
        ASSERT_TRUE(near(wide[i], y[i] + 0.25 * Type::real(x[i]), 1e-6, 1e-6));
      }
    }
  });
}

// ---- windows ------------------------------------------------------------------------------------

TEST_P(Vector, RowsFolded) {
  constexpr size_t kRows = 5;
  for (const size_t n : kSizes) {
    std::deque<Guarded<float>> rows;
    std::deque<Guarded<int32_t>> where;
    const float* row[kRows];
    const int32_t* places[kRows];
    int32_t first[kRows];
    for (size_t r = 0; r < kRows; ++r) {
      auto& values = rows.emplace_back(n);
      auto& p = where.emplace_back(n);
      for (size_t i = 0; i < n; ++i) {
        values[i] = (i + r) % 7 == 0   ? float(kNan)
                    : (i + r) % 5 == 0 ? -INFINITY
                                       : float((i * 5 + r * 3) % 4);
        p[i] = int32_t((i + r * 2) % kRows + 10 * i);  // in no order
      }
      row[r] = values.data();
      places[r] = p.data();
      first[r] = int32_t(100 * r);
    }
    Guarded<float> sum(n), best(n), best_placed(n);
    Guarded<int32_t> at(n), at_placed(n);
    kernels().fold_sum(row, kRows, sum.data(), n);
    kernels().fold_argmax(row, first, 3, kRows, best.data(), at.data(), n);
    kernels().fold_argmax_placed(row, places, kRows, best_placed.data(), at_placed.data(), n);
    for (size_t i = 0; i < n; ++i) {
      double total = 0;
      float largest = -INFINITY;
      for (size_t r = 0; r < kRows; ++r) {
        total += row[r][i];
        if (row[r][i] > largest || std::isnan(row[r][i])) largest = row[r][i];
        if (std::isnan(largest)) largest = float(kNan);
      }
      // The first row of the largest; the last one with NaN.
      int32_t expected = -1, smallest = INT32_MAX, greatest = -1;
      for (size_t r = 0; r < kRows; ++r) {
        const bool nan = std::isnan(row[r][i]);
        if (std::isnan(largest) ? !nan : row[r][i] != largest) continue;
        if (expected < 0 || nan) expected = first[r] + 3 * int32_t(i);
        smallest = std::min(smallest, places[r][i]);
        greatest = std::max(greatest, places[r][i]);
      }
      ASSERT_TRUE(near(sum[i], total, 1e-6, 1e-6));
      ASSERT_TRUE(near(best[i], largest, 0, 0));
      ASSERT_TRUE(near(best_placed[i], largest, 0, 0));
      ASSERT_EQ(at[i], expected) << i << " of " << n;
      ASSERT_EQ(at_placed[i], std::isnan(largest) ? greatest : smallest) << i << " of " << n;
    }
  }
}

TEST_P(Vector, WindowsOfFloats) {
  constexpr size_t kHeight = 4, kWidth = 5;
  for_float_types([&](auto type) {
    using Type = decltype(type);
    using T = typename Type::Stored;
    for (size_t channels : kSizes) {
      Guarded<T> in(kHeight * kWidth * channels), out(channels);
      const auto values = random_values<Type>(in.size(), channels);
      std::copy(values.begin(), values.end(), in.begin());
      for (size_t i = 1; i < in.size(); i += 97) in[i] = Type::stored(kNan);
      Guarded<int32_t> index(channels);
      // 3 x 2 elements, every row and every other column.
      const size_t pixel = channels * sizeof(T);
      const Window window = {in.data() + kWidth * channels, 3, 2, ptrdiff_t(kWidth * pixel),
                             ptrdiff_t(2 * pixel)};
      for_float(kernels().window_argmax, Type::kType)(window, out.data(), index.data(), channels,
                                                      7);
      const auto argmax = std::vector<T>(out.begin(), out.end());
      for_float(kernels().window_max, Type::kType)(window, out.data(), channels);
      for (size_t c = 0; c < channels; ++c) {
        double best = -INFINITY;
        int32_t where = 0;
        for (size_t y = 0; y < 3; ++y) {
          for (size_t x = 0; x < 2; ++x) {
            const double v = Type::real(in[((y + 1) * kWidth + 2 * x) * channels + c]);
            if (v > best || (std::isnan(v) && !std::isnan(best)))
              best = v, where = int32_t(y * 7 + x);
          }
        }
        ASSERT_TRUE(near(Type::real(out[c]), best, 0, 0));
        ASSERT_TRUE(near(Type::real(argmax[c]), best, 0, 0));
        ASSERT_EQ(index[c], where);
      }
      for_float(kernels().window_sum, Type::kType)(window, out.data(), channels, 0.5f, {-1, 2});
      for (size_t c = 0; c < channels; ++c) {
        double sum = 0;
        for (size_t y = 0; y < 3; ++y) {
          for (size_t x = 0; x < 2; ++x)
            sum += Type::real(in[((y + 1) * kWidth + 2 * x) * channels + c]);
        }
        const double expected = std::isnan(sum) ? sum : std::clamp(sum * 0.5, -1.0, 2.0);
        ASSERT_TRUE(near(Type::real(out[c]), expected, Type::kEpsilon * 1.1, 1e-5));
      }
      const Window empty = {in.data(), 0, 0, 0, 0};
      for_float(kernels().window_max, Type::kType)(empty, out.data(), channels);
      for (size_t c = 0; c < channels; ++c) ASSERT_EQ(Type::real(out[c]), -kInfinity);
    }
  });
}

TEST_P(Vector, WindowsOfBytes) {
  const auto check = [&](auto byte, const WindowMaxFn max_fn, const WindowByteSumFn sum_fn) {
    using T = decltype(byte);
    constexpr int kLow = std::numeric_limits<T>::min(), kHigh = std::numeric_limits<T>::max();
    for (size_t channels : kSizes) {
      Guarded<T> in(4 * channels), out(channels);
      Random random(channels);
      for (T& v : in) v = T(random.integer(kLow, kHigh));
      const Window window = {in.data(), 2, 2, ptrdiff_t(2 * channels), ptrdiff_t(channels)};
      max_fn(window, out.data(), channels);
      for (size_t c = 0; c < channels; ++c) {
        ASSERT_EQ(out[c],
                  std::max({in[c], in[channels + c], in[2 * channels + c], in[3 * channels + c]}));
      }
      const QuantizeParams params = {0.3f, 10, kLow + 5, kHigh};
      sum_fn(window, out.data(), channels, 7, params);
      for (size_t c = 0; c < channels; ++c) {
        const int sum = in[c] + in[channels + c] + in[2 * channels + c] + in[3 * channels + c] - 28;
        ASSERT_TRUE(quantised(out[c], sum, 1 / double(0.3f), params));
      }
    }
  };
  check(int8_t(), kernels().window_max_byte.s8, kernels().window_sum_byte.s8);
  check(uint8_t(), kernels().window_max_byte.u8, kernels().window_sum_byte.u8);
}

TEST_P(Vector, BilinearSamples) {
  constexpr float kRight = 0.3f, kBottom = 0.85f;
  const auto mix = [&](double tl, double tr, double bl, double br) {
    return (1 - kBottom) * ((1 - kRight) * tl + kRight * tr) +
           kBottom * ((1 - kRight) * bl + kRight * br);
  };
  for (size_t n : kSizes) {
    for_float_types([&](auto type) {
      using Type = decltype(type);
      // Lines of two pixels to lines of several, of which some are to the left of others.
      constexpr size_t kPixels = 7;
      Guarded<typename Type::Stored> in(4 * n), out(kPixels * n);
      const auto values = random_values<Type>(4 * n, n);
      std::copy(values.begin(), values.end(), in.begin());
      const size_t pixel = n * sizeof(in[0]);
      Between pixels[kPixels];
      for (size_t p = 0; p < kPixels; ++p) pixels[p] = {p == 5 ? pixel : 0, pixel, kRight};
      pixels[3].right = 0;
      const BilinearLine line = {in.data(), in.data() + 2 * n, kBottom, pixels, kPixels,
                                 n,         2 * pixel};
      for_float(kernels().bilinear, Type::kType)(line, out.data());
      for (size_t p = 0; p < kPixels; ++p) {
        const size_t left = pixels[p].left == 0 ? 0 : n, right = pixels[p].right == 0 ? 0 : n;
        for (size_t i = 0; i < n; ++i) {
          const double expected =
              mix(Type::real(in[left + i]), Type::real(in[right + i]),
                  Type::real(in[2 * n + left + i]), Type::real(in[2 * n + right + i]));
          ASSERT_TRUE(near(Type::real(out[p * n + i]), expected, Type::kEpsilon * 1.1, 2e-6));
        }
      }
    });
    // Two pixels, of which the second is on the right one of the line.
    Guarded<int8_t> in(4 * n), out(2 * n);
    Random random(n);
    for (int8_t& v : in) v = int8_t(random.integer(-128, 127));
    const Between pixels[] = {{0, n, kRight}, {n, n, 0}};
    const BilinearLine line = {in.data(), in.data() + 2 * n, kBottom, pixels, 2, n, 2 * n};
    kernels().bilinear_byte.s8(line, out.data());
    for (size_t i = 0; i < n; ++i) {
      ASSERT_NEAR(out[i], mix(in[i], in[n + i], in[2 * n + i], in[3 * n + i]), 0.5001);
      ASSERT_NEAR(out[n + i], mix(in[n + i], in[n + i], in[3 * n + i], in[3 * n + i]), 0.5001);
    }
  }
}

// ---- moves --------------------------------------------------------------------------------------

TEST_P(Vector, Transposes) {
  for (size_t step = 0; step < 8; ++step) {
    // Dense, or with gaps between rows.
    const size_t log = step % 4, in_gap = step < 4 ? 0 : 3, out_gap = step < 4 ? 0 : 5;
    const size_t bytes = size_t(1) << log;
    for (size_t rows : {1, 2, 3, 4, 8, 16, 17, 33, 64, 131}) {
      for (size_t cols : {1, 2, 3, 4, 7, 8, 16, 19, 32, 67}) {
        const size_t in_row = (cols + in_gap) * bytes, out_row = (rows + out_gap) * bytes;
        Guarded<uint8_t> in(rows * in_row - in_gap * bytes), out(cols * out_row - out_gap * bytes);
        Random random(rows * 100 + cols);
        for (uint8_t& v : in) v = uint8_t(random.next());
        kernels().transpose[log](in.data(), in_row, out.data(), out_row, rows, cols);
        for (size_t r = 0; r < rows; ++r) {
          for (size_t c = 0; c < cols; ++c) {
            ASSERT_EQ(std::memcmp(out.data() + c * out_row + r * bytes,
                                  in.data() + r * in_row + c * bytes, bytes),
                      0)
                << r << ", " << c << " of " << rows << " x " << cols << ", " << bytes << " bytes";
          }
        }
        // What lies between the output's rows is not touched.
        for (size_t c = 0; c + 1 < cols; ++c) {
          for (size_t i = rows * bytes; i < out_row; ++i) ASSERT_EQ(out[c * out_row + i], 0);
        }
      }
    }
  }
}

TEST_P(Vector, StridedCopiesOfAnyShape) {
  Random random(7);
  for (int round = 0; round < 400; ++round) {
    const size_t bytes = size_t(1) << random.integer(0, 3);
    const size_t rank = size_t(random.integer(0, 6));
    // A random box, laid out densely in a random order of dimensions, or repeated.
    std::vector<StridedCopy::Dim> dims(rank);
    std::vector<size_t> order(rank);
    std::iota(order.begin(), order.end(), 0);
    for (size_t i = rank; i > 1; --i)
      std::swap(order[i - 1], order[size_t(random.integer(0, int(i) - 1))]);
    ptrdiff_t in_bytes = ptrdiff_t(bytes), out_bytes = ptrdiff_t(bytes);
    for (StridedCopy::Dim& d : dims) d.extent = size_t(random.integer(1, rank <= 2 ? 90 : 6));
    for (size_t i = rank; i-- > 0;) {
      dims[i].out_stride = out_bytes;
      out_bytes *= ptrdiff_t(dims[i].extent);
      StridedCopy::Dim& d = dims[order[i]];
      const bool repeat = random.integer(0, 7) == 0;
      d.in_stride = repeat ? 0 : in_bytes;
      if (!repeat) in_bytes *= ptrdiff_t(d.extent);
    }
    Guarded<uint8_t> in((size_t(in_bytes))), out((size_t(out_bytes)));
    for (uint8_t& v : in) v = uint8_t(random.next());
    const StridedCopy copy(kernels(), bytes, dims);
    ASSERT_EQ(copy.bytes(), size_t(out_bytes));
    const size_t middle = copy.pieces() / 3;
    copy.run(in.data(), out.data(), middle, copy.pieces());
    copy.run(in.data(), out.data(), 0, middle);

    std::vector<size_t> index(rank);
    for (size_t at = 0; at < out.size(); at += bytes) {
      size_t from = 0;
      for (size_t i = 0, rest = at / bytes; i < rank; ++i) {
        const size_t d = rank - 1 - i;
        from += rest % dims[d].extent * size_t(dims[d].in_stride);
        rest /= dims[d].extent;
      }
      ASSERT_EQ(std::memcmp(out.data() + at, in.data() + from, bytes), 0) << "round " << round;
    }
  }
}

TEST_P(Vector, StridedCopyOfNothing) {
  const StridedCopy::Dim dims[] = {{3, 0, 0}, {0, 4, 4}};
  const StridedCopy copy(kernels(), 4, dims);
  EXPECT_EQ(copy.pieces(), 0u);
  EXPECT_EQ(copy.bytes(), 0u);
}

TEST(VectorKernels, TheBestTableOfTheMachineIsChosen) {
  Cpu cpu;
  EXPECT_STREQ(vector_kernels(cpu).name, "vector_scalar");
#if defined(__x86_64__)
  cpu.isa = cpu.isa.with(Isa::kAvx2);
  EXPECT_STREQ(vector_kernels(cpu).name, "vector_avx2");
  cpu.isa = cpu.isa.with(Isa::kAvx512);
  EXPECT_STREQ(vector_kernels(cpu).name, "vector_avx512");
#endif
}

}  // namespace

}  // namespace smelt
