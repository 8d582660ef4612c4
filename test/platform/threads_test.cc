#include "platform/threads.h"
#include "platform/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <vector>

namespace smelt {
namespace {

class Threads : public ::testing::TestWithParam<unsigned> {};

TEST_P(Threads, CoversTheRangeOnce) {
  auto pool = ThreadPool::create(GetParam());
  ASSERT_EQ(pool->workers(), GetParam());
  for (size_t n : {0, 1, 2, 7, 64, 1000}) {
    for (size_t grain : {1, 3, 64, 5000}) {
      std::vector<std::atomic<int>> hits(n);
      pool->parallel_for(n, grain, [&](size_t begin, size_t end, unsigned worker) {
        EXPECT_LT(worker, pool->workers());
        EXPECT_LE(end - begin, grain);
        for (size_t i = begin; i < end; ++i) hits[i].fetch_add(1);
      });
      for (size_t i = 0; i < n; ++i) EXPECT_EQ(hits[i].load(), 1) << n << " " << grain << " " << i;
    }
  }
}

TEST_P(Threads, WorkerNumbersAreNeverSharedAndRespectTheCap) {
  auto pool = ThreadPool::create(GetParam());
  for (unsigned cap : {1u, 2u, 3u, 100u}) {
    std::vector<std::atomic<int>> busy(pool->workers());
    pool->parallel_for(
        500, 1,
        [&](size_t, size_t, unsigned worker) {
          EXPECT_LT(worker, cap);
          EXPECT_EQ(busy[worker].fetch_add(1), 0);
          for (int spin = 0; spin < 50; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
          busy[worker].fetch_sub(1);
        },
        cap);
  }
}

TEST_P(Threads, ManyShortJobsInARow) {
  auto pool = ThreadPool::create(GetParam());
  size_t total = 0;
  const size_t jobs = std::getenv("SMELT_EMULATED") != nullptr ? 500 : 5000;
  for (size_t job = 0; job < jobs; ++job) {
    std::atomic<size_t> sum{0};
    pool->parallel_for(4, 1,
                       [&](size_t begin, size_t end, unsigned) { sum.fetch_add(end - begin); });
    total += sum.load();
  }
  EXPECT_EQ(total, 4 * jobs);
}

INSTANTIATE_TEST_SUITE_P(Workers, Threads, ::testing::Values(1u, 2u, 3u, 8u));

TEST(ThreadPool, ZeroMeansTheDefault) {
  EXPECT_EQ(ThreadPool::create(0)->workers(), default_workers().count());
}

}  // namespace
}  // namespace smelt
