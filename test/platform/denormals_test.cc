#include "platform/denormals.h"

#include <atomic>
#include <bit>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/float16.h"
#include "platform/threads.h"

namespace smelt {
namespace {

#if defined(__x86_64__) || defined(__aarch64__)

float product(float a, float b) {
  volatile float x = a, y = b;
  return x * y;
}

constexpr float kDenormal = 0x1p-140f;

TEST(FlushDenormals, MakesZerosOfThemAndPutsTheModeBack) {
  EXPECT_FALSE(FlushDenormals::active());
  EXPECT_EQ(product(0x1p-100f, 0x1p-40f), kDenormal);
  {
    const FlushDenormals flush;
    EXPECT_TRUE(FlushDenormals::active());
    EXPECT_EQ(product(0x1p-100f, 0x1p-40f), 0.0f);  // a result
    EXPECT_EQ(product(kDenormal, 0x1p40f), 0.0f);   // an operand
    {
      const FlushDenormals again;
      const FlushDenormals not_now(false);
      EXPECT_FALSE(FlushDenormals::active());
    }
    EXPECT_TRUE(FlushDenormals::active());
  }
  EXPECT_FALSE(FlushDenormals::active());
  EXPECT_EQ(product(kDenormal, 0x1p40f), 0x1p-100f);
}

TEST(FlushDenormals, WorkersComputeAsTheirCallerDoes) {
  const auto pool = ThreadPool::create(3);
  for (int round = 0; round < 50; ++round) {
    const bool on = round % 2 == 0;
    const FlushDenormals flush(on);
    std::atomic<int> otherwise = 0;
    // Long enough for all to take part.
    pool->parallel_for(300, 1, [&](size_t, size_t, unsigned) {
      if (FlushDenormals::active() != on) ++otherwise;
      if ((product(kDenormal, 0x1p40f) == 0) != on) ++otherwise;
      for (int spin = 0; spin < 500; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
    });
    EXPECT_EQ(otherwise, 0);
  }
}

TEST(FlushDenormals, HalvesAreConvertedAllTheSame) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half h = Half::from_bits(uint16_t(bits));
    const float f = float(h);
    const FlushDenormals flush;
    EXPECT_EQ(std::bit_cast<uint32_t>(float(h)), std::bit_cast<uint32_t>(f)) << bits;
    if (!std::isnan(f)) EXPECT_EQ(Half(f).bits, h.bits) << bits;
  }
}

#endif

}  // namespace
}  // namespace smelt
