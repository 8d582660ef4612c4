#include "profile/profiler.h"

#include <gtest/gtest.h>

namespace smelt {
namespace {

TEST(Profiler, KeepsRecordsInTheOrderInWhichTheyEnded) {
  Profiler p(4);
  const Profiler::Start outer = p.start();
  const Profiler::Start inner = p.start();
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
  for (uint32_t i = 0; i < 5; ++i) p.record(i, p.start());
  EXPECT_EQ(p.dropped(), 3u);
  const std::vector<ZoneTime> times = p.take();
  ASSERT_EQ(times.size(), 2u);
  EXPECT_EQ(times[1].zone, 1u);
}

TEST(Profiler, KnowsHowLongAllWorkersWereBusy) {
  const auto pool = ThreadPool::create(2);
  Profiler p(3, pool.get());
  const auto work = [](size_t, size_t, unsigned) {
    const uint64_t until = Profiler::now() + 2'000'000;
    while (Profiler::now() < until) {
    }
  };
  const Profiler::Start alone = p.start();
  work(0, 1, 0);
  p.record(0, alone);
  const Profiler::Start together = p.start();
  pool->parallel_for(2, 1, work);
  p.record(1, together);
  const Profiler::Start waiting = p.start();
  // The caller's piece is over at once: it waits for the other worker, whichever of the two gets
  // which.
  pool->parallel_for(2, 1, [&](size_t begin, size_t end, unsigned worker) {
    if (begin == 0) work(begin, end, worker);
  });
  p.record(2, waiting);
  const std::vector<ZoneTime> t = p.take();
  EXPECT_EQ(t[0].busy_ns, t[0].end_ns - t[0].begin_ns);
  EXPECT_GE(t[1].busy_ns, 4'000'000u) << "two pieces of 2 ms";
  EXPECT_GE(t[2].busy_ns, 2'000'000u);
  for (const ZoneTime& z : t) EXPECT_LE(z.busy_ns, 2 * (z.end_ns - z.begin_ns));
}

TEST(Profile, UnitsAndCategoriesHaveNames) {
  EXPECT_EQ(name(Unit::kMatrix), "matrix");
  EXPECT_EQ(name(Unit::kNone), "none");
  EXPECT_EQ(name(Category::kDataMovement), "data movement");
  EXPECT_EQ(name(Category::kControl), "control");
}

}  // namespace
}  // namespace smelt
