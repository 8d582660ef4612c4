#include "base/checked.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace smelt {
namespace {

TEST(Checked, OverflowIsAnAnswer) {
  EXPECT_EQ(checked_mul<uint64_t>(1ull << 32, 1ull << 31), 1ull << 63);
  EXPECT_FALSE(checked_mul<uint64_t>(1ull << 32, 1ull << 32));
  EXPECT_FALSE(checked_add<uint64_t>(~0ull, 1));
  EXPECT_EQ(checked_add<int32_t>(-1, 1), 0);
}

TEST(Checked, RangesDoNotWrap) {
  EXPECT_TRUE(range_fits(0, 0, 0));
  EXPECT_TRUE(range_fits(3, 5, 8));
  EXPECT_FALSE(range_fits(4, 5, 8));
  EXPECT_FALSE(range_fits(9, 0, 8));
  EXPECT_FALSE(range_fits(8, ~0ull, 8));
  EXPECT_FALSE(range_fits(~0ull, 2, 8));
}

TEST(Checked, Rounding) {
  EXPECT_EQ(div_up(0u, 4u), 0u);
  EXPECT_EQ(div_up(9u, 4u), 3u);
  EXPECT_EQ(round_up(9u, 4u), 12u);
  EXPECT_EQ(round_up(8u, 4u), 8u);
}

}  // namespace
}  // namespace smelt
