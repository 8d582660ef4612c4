#include "graph/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace smelt {
namespace {

bool overlap_in_time(const Lifetime& a, const Lifetime& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

// No two blocks that live at the same step share a byte; nothing reaches beyond the arena.
void expect_sound(std::span<const Lifetime> blocks, const ArenaPlan& plan) {
  ASSERT_EQ(plan.offset.size(), blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(plan.offset[i] % 64, 0u);
    if (blocks[i].bytes == 0) continue;
    EXPECT_LE(plan.offset[i] + blocks[i].bytes, plan.bytes);
    for (size_t j = 0; j < i; ++j) {
      if (blocks[j].bytes == 0 || !overlap_in_time(blocks[i], blocks[j])) continue;
      EXPECT_TRUE(plan.offset[i] + blocks[i].bytes <= plan.offset[j] ||
                  plan.offset[j] + blocks[j].bytes <= plan.offset[i])
          << i << " and " << j;
    }
  }
}

size_t lower_bound(std::span<const Lifetime> blocks) {
  uint32_t steps = 0;
  for (const Lifetime& b : blocks) steps = std::max(steps, b.last_step + 1);
  size_t bound = 0;
  for (uint32_t s = 0; s < steps; ++s) {
    size_t live = 0;
    for (const Lifetime& b : blocks)
      if (b.first_step <= s && s <= b.last_step) live += b.bytes;
    bound = std::max(bound, live);
  }
  return bound;
}

TEST(Arena, RandomLifetimesNeverOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<Lifetime> blocks(random() % 60);
    for (Lifetime& b : blocks) {
      b.bytes = random() % 5 == 0 ? 0 : random() % 10000;
      b.first_step = random() % 40;
      b.last_step = b.first_step + random() % 8;
    }
    const ArenaPlan plan = plan_arena(blocks);
    expect_sound(blocks, plan);
    EXPECT_GE(plan.bytes, lower_bound(blocks));
  }
}

TEST(Arena, AChainNeedsItsTwoLargestNeighbours) {
  // Layer n reads block n-1 and writes block n.
  std::vector<Lifetime> blocks;
  for (uint32_t n = 0; n < 20; ++n) blocks.push_back({size_t(64) << (n % 5), n, n + 1});
  const ArenaPlan plan = plan_arena(blocks);
  expect_sound(blocks, plan);
  EXPECT_EQ(plan.bytes, lower_bound(blocks));
}

TEST(Arena, EmptyAndDeterministic) {
  EXPECT_EQ(plan_arena({}).bytes, 0u);
  const Lifetime blocks[] = {{100, 0, 3}, {100, 1, 2}, {100, 3, 4}};
  EXPECT_EQ(plan_arena(blocks).offset, plan_arena(blocks).offset);
}

}  // namespace
}  // namespace smelt
