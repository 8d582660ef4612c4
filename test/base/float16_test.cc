#include "base/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace smelt {
namespace {

// Value of a binary16 from the definition in IEEE 754.
double half_value(uint16_t bits) {
  const int sign = bits >> 15, exponent = bits >> 10 & 31, fraction = bits & 1023;
  double v = exponent == 31  ? (fraction != 0 ? NAN : INFINITY)
             : exponent == 0 ? std::ldexp(fraction, -24)
                             : std::ldexp(1024 + fraction, exponent - 25);
  return sign != 0 ? -v : v;
}

TEST(Half, DecodesEveryBitPattern) {
  for (uint32_t b = 0; b < 0x10000; ++b) {
    const float got = float(Half::from_bits(uint16_t(b)));
    const double want = half_value(uint16_t(b));
    if (std::isnan(want)) {
      EXPECT_TRUE(std::isnan(got)) << b;
    } else {
      EXPECT_EQ(double(got), want) << b;
      EXPECT_EQ(std::signbit(got), (b >> 15) != 0) << b;
    }
  }
}

TEST(Half, EncodesExactValuesToThemselves) {
  for (uint32_t b = 0; b < 0x10000; ++b) {
    const Half h = Half::from_bits(uint16_t(b));
    if (!std::isnan(float(h))) EXPECT_EQ(Half(float(h)).bits, b);
  }
}

TEST(Half, RoundsToNearestTiesToEven) {
  for (uint32_t b = 0; b < 0x7bff; ++b) {
    const double low = half_value(uint16_t(b)), high = half_value(uint16_t(b + 1)),
                 middle = (low + high) / 2;
    const float tie = float(middle);
    ASSERT_EQ(double(tie), middle);
    EXPECT_EQ(Half(tie).bits, b % 2 == 0 ? b : b + 1) << middle;
    EXPECT_EQ(Half(std::nextafter(tie, -1.0f)).bits, b);
    EXPECT_EQ(Half(std::nextafter(tie, 1e9f)).bits, b + 1);
    EXPECT_EQ(Half(-tie).bits, 0x8000u | (b % 2 == 0 ? b : b + 1));
  }
}

TEST(Half, OverflowAndNan) {
  EXPECT_EQ(Half(65519.996f).bits, 0x7bff);  // the largest float below the tie with infinity
  EXPECT_EQ(Half(65520.0f).bits, 0x7c00);
  EXPECT_EQ(Half(std::numeric_limits<float>::infinity()).bits, 0x7c00);
  EXPECT_EQ(Half(-std::numeric_limits<float>::infinity()).bits, 0xfc00);
  EXPECT_TRUE(std::isnan(float(Half(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(BFloat16, RoundsToNearestTiesToEven) {
  for (uint32_t b = 0; b < 0x7f7f; ++b) {
    const float tie = std::bit_cast<float>(b << 16 | 0x8000u);
    EXPECT_EQ(BFloat16(tie).bits, b % 2 == 0 ? b : b + 1);
    EXPECT_EQ(BFloat16(std::bit_cast<float>(b << 16 | 0x7fffu)).bits, b);
    EXPECT_EQ(BFloat16(std::bit_cast<float>(b << 16 | 0x8001u)).bits, b + 1);
    EXPECT_EQ(float(BFloat16::from_bits(uint16_t(b))), std::bit_cast<float>(b << 16));
  }
  EXPECT_TRUE(std::isnan(float(BFloat16(std::bit_cast<float>(0x7f800001u)))));
}

}  // namespace
}  // namespace smelt
