#include "profile/profiler.h"

#include <gtest/gtest.h>

namespace smelt {
namespace {

TEST(Profiler, KeepsRecordsInTheOrderInWhichTheyEnded) {
  Profiler p(4);
  const uint64_t outer = Profiler::now();
  const uint64_t inner = Profiler::now();
  p.record(7, inner);
  p.record(3, outer);
  const std::vector<ZoneTime> times = p.take();
  ASSERT_EQ(times.size(), 2u);
  EXPECT_EQ(times[0].zone, 7u);
  EXPECT_EQ(times[1].zone, 3u);
  EXPECT_LE(times[1].begin_ns, times[0].begin_ns);
  EXPECT_LE(times[0].begin_ns, times[0].end_ns);
  EXPECT_LE(times[0].end_ns, times[1].end_ns);
  EXPECT_EQ(p.dropped(), 0u);
}

TEST(Profiler, CountsWhatDoesNotFit) {
  Profiler p(2);
  for (uint32_t i = 0; i < 5; ++i) p.record(i, Profiler::now());
  EXPECT_EQ(p.dropped(), 3u);
  const std::vector<ZoneTime> times = p.take();
  ASSERT_EQ(times.size(), 2u);
  EXPECT_EQ(times[1].zone, 1u);
}

TEST(Profile, UnitsAndCategoriesHaveNames) {
  EXPECT_EQ(name(Unit::kMatrix), "matrix");
  EXPECT_EQ(name(Unit::kNone), "none");
  EXPECT_EQ(name(Category::kDataMovement), "data movement");
  EXPECT_EQ(name(Category::kControl), "control");
}

}  // namespace
}  // namespace smelt
