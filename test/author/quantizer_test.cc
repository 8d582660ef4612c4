#include "author/quantizer.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "author/random.h"

namespace smelt {
namespace {

TEST(Random, IsSplitMix64) {
  // The numbers that the algorithm's authors give for this seed.
  Random r(1234567);
  EXPECT_EQ(r.next(), 6457827717110365317u);
  EXPECT_EQ(r.next(), 3203168211198807973u);
  EXPECT_EQ(r.next(), 9817491932198370423u);
}

TEST(Random, UniformStaysInRange) {
  Random r(1);
  float low = 0, high = 0;
  for (int i = 0; i < 10000; ++i) {
    const float x = r.uniform(0.5f);
    low = std::min(low, x);
    high = std::max(high, x);
  }
  EXPECT_GE(low, -0.5f);
  EXPECT_LT(high, 0.5f);
  EXPECT_LT(low, -0.499f);
  EXPECT_GT(high, 0.499f);
}

TEST(AffineInt8, MapsTheRangeOntoAllCodes) {
  const AffineInt8 q = affine_int8(-1.0f, 1.55f);
  EXPECT_FLOAT_EQ(q.scale, 0.01f);
  EXPECT_EQ(q.zero, -28);
  const std::vector<float> ends = {-1.0f, 0.0f, 1.55f};
  EXPECT_EQ(quantize_int8(ends, q), (std::vector<int8_t>{-128, -28, 127}));
}

TEST(AffineInt8, RangeAlwaysHoldsZero) {
  EXPECT_EQ(affine_int8(2.0f, 5.1f).zero, -128);
  EXPECT_FLOAT_EQ(affine_int8(2.0f, 5.1f).scale, 0.02f);
  EXPECT_EQ(affine_int8(-5.1f, -2.0f).zero, 127);
  EXPECT_EQ(affine_int8(0.0f, 0.0f).scale, 1.0f);
}

TEST(QuantizeInt8, RoundsTiesToEvenAndSaturates) {
  const std::vector<float> values = {0.5f, 1.5f, -0.5f, -1.5f, 1000.0f, -1000.0f};
  EXPECT_EQ(quantize_int8(values, {1.0f, 0}), (std::vector<int8_t>{0, 2, 0, -2, 127, -128}));
  EXPECT_EQ(quantize_int8(values, {1.0f, 10}), (std::vector<int8_t>{10, 12, 10, 8, 127, -128}));
}

TEST(ChannelInt8, EachRowUsesAllItsCodes) {
  const std::vector<float> values = {1.0f, -2.0f, 0.5f, 0.0f, 0.0f, 0.0f};
  const ChannelInt8 q = quantize_channels_int8(values, 2);
  EXPECT_EQ(q.values, (std::vector<int8_t>{64, -127, 32, 0, 0, 0}));
  EXPECT_FLOAT_EQ(q.scales[0], 2.0f / 127.0f);
  EXPECT_EQ(q.scales[1], 1.0f);  // any scale but 0 is right for a row of zeros
}

TEST(ChannelInt4, LowNibbleFirstAndOddRowsPadded) {
  const std::vector<float> values = {-7.0f, 3.0f, 1.0f, 14.0f, -2.0f, 0.0f};
  const ChannelInt4 q = quantize_channels_int4(values, 2);
  EXPECT_EQ(q.scales, (std::vector<float>{1.0f, 2.0f}));
  // -7, 3, 1, (0); 7, -1, 0, (0); each plus 8
  EXPECT_EQ(q.packed, (std::vector<uint8_t>{0xb1, 0x89, 0x7f, 0x88}));
}

TEST(BlockInt4, ErrorIsHalfAStepOfTheStoredScale) {
  constexpr size_t kRows = 3, kColumns = 128, kBlock = 32;
  Random random(7);
  const std::vector<float> values = random.uniforms(kRows * kColumns, 3.0f);
  const BlockInt4 q = quantize_blocks_int4(values, kRows, kBlock);
  ASSERT_EQ(q.packed.size(), kRows * kColumns / 2);
  ASSERT_EQ(q.scales.size(), kRows * kColumns / kBlock);
  for (size_t i = 0; i < values.size(); ++i) {
    const float scale = float(q.scales[i / kBlock]);
    const int nibble = i % 2 == 0 ? q.packed[i / 2] & 15 : q.packed[i / 2] >> 4;
    EXPECT_LE(std::fabs(float(nibble - 8) * scale - values[i]), scale * 0.5001f) << i;
  }
}

TEST(Bias, CountsInUnitsOfItsScale) {
  const std::vector<float> bias = {1.0f, -0.3f, 0.25f};
  const std::vector<float> one = {0.125f}, each = {0.5f, 0.1f, 0.001f};
  EXPECT_EQ(quantize_bias(bias, one), (std::vector<int32_t>{8, -2, 2}));
  EXPECT_EQ(quantize_bias(bias, each), (std::vector<int32_t>{2, -3, 250}));
}

}  // namespace
}  // namespace smelt
