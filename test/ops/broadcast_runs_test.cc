// Runs of broadcast operands, against the definition of broadcasting.
#include "ops/broadcast_runs.h"

#include <atomic>
#include <cstring>
#include <numeric>

#include <gtest/gtest.h>

namespace smelt {
namespace {

struct Case {
  Shape lhs, rhs, out;
  size_t most_calls;  ///< with one worker; 0: any number
};

// Where element `flat` of the output comes from.
size_t source(const Shape& in, const Shape& out, size_t flat) {
  size_t at = 0, stride = 1;
  for (size_t i = 0; i < out.rank(); ++i) {
    const size_t index = flat % size_t(out.back(i));
    flat /= size_t(out.back(i));
    if (i >= in.rank()) continue;
    if (in.back(i) != 1) at += index * stride;
    stride *= size_t(in.back(i));
  }
  return at;
}

// Operands hold their own positions, so the output can say where both came from.
template <class T>
void check(const Case& c, unsigned workers) {
  SCOPED_TRACE(testing::Message() << to_string(c.lhs) << " and " << to_string(c.rhs) << ", "
                                  << sizeof(T) << " bytes, " << workers << " workers");
  std::vector<T> lhs(c.lhs.numel()), rhs(c.rhs.numel());
  std::iota(lhs.begin(), lhs.end(), T(1));
  std::iota(rhs.begin(), rhs.end(), T(2));
  std::vector<T> a(c.out.numel()), b(c.out.numel());
  const BroadcastRuns runs(c.lhs, c.rhs, c.out, sizeof(T));
  const auto pool = ThreadPool::create(workers);
  RunContext context{*pool, {}};
  std::atomic<size_t> calls = 0;
  // The output is the left operand's elements; those of the right one go beside them.
  const auto* first = reinterpret_cast<std::byte*>(a.data());
  runs.for_each(
      context, reinterpret_cast<const std::byte*>(lhs.data()),
      reinterpret_cast<const std::byte*>(rhs.data()), reinterpret_cast<std::byte*>(a.data()),
      [&](const std::byte* x, const std::byte* y, std::byte* o, size_t n, Broadcast one) {
        ++calls;
        const size_t at = size_t(o - first) / sizeof(T);
        ASSERT_LE(at + n, a.size());
        for (size_t i = 0; i < n; ++i) {
          std::memcpy(&a[at + i], x + (one == Broadcast::kLhs ? 0 : i * sizeof(T)), sizeof(T));
          std::memcpy(&b[at + i], y + (one == Broadcast::kRhs ? 0 : i * sizeof(T)), sizeof(T));
        }
      });
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i], T(1 + source(c.lhs, c.out, i))) << "lhs at " << i;
    ASSERT_EQ(b[i], T(2 + source(c.rhs, c.out, i))) << "rhs at " << i;
  }
  if (workers == 1 && c.most_calls != 0) EXPECT_LE(calls, c.most_calls);
}

// Short runs are joined: a call takes longer than three elements.
const Case kCases[] = {
    {{1, 32, 48, 3}, {3}, {1, 32, 48, 3}, 5},  // an image less its means
    {{3}, {1, 32, 48, 3}, {1, 32, 48, 3}, 5},
    {{10, 64, 1}, {10, 1, 8}, {10, 64, 8}, 10},  // outer products of states
    {{10, 1, 8}, {10, 64, 1}, {10, 64, 8}, 10},
    {{64, 1}, {8}, {64, 8}, 1},
    {{500, 2, 1}, {500, 1, 3}, {500, 2, 3}, 3},  // both alternate within a run
    {{7, 1, 5, 1}, {1, 3, 1, 5}, {7, 3, 5, 5}, 1},
    {{2000, 1}, {7}, {2000, 7}, 14},  // the last run is shorter
    {{3, 700, 1}, {3, 1, 2}, {3, 700, 2}, 6},
    {{2, 1, 2, 1, 2, 1}, {1, 3, 1, 3, 1, 3}, {2, 3, 2, 3, 2, 3}, 1},
    {{4, 300, 1, 6}, {300, 5, 1}, {4, 300, 5, 6}, 40},
    {{1}, {3000}, {3000}, 1},
    {{64, 1, 300}, {40, 300}, {64, 40, 300}, 0},  // long runs, as they are
    {{9, 1}, {9, 64}, {9, 64}, 0},
    {{}, {}, {}, 1},
};

TEST(BroadcastRuns, EveryElementMeetsItsOwn) {
  for (const Case& c : kCases) {
    for (unsigned workers : {1u, 3u}) {
      check<uint32_t>(c, workers);
      check<uint16_t>(c, workers);
      check<uint8_t>(c, workers);
    }
  }
}

TEST(BroadcastRuns, EnoughForSeveralWorkers) {
  check<uint32_t>({{300, 90, 1}, {300, 1, 5}, {300, 90, 5}, 0}, 3);
  check<uint32_t>({{40000, 3}, {3}, {40000, 3}, 0}, 3);
}

}  // namespace
}  // namespace smelt
