// Memory planning: lifetimes in, offsets out. Knows nothing of graphs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace smelt {

/// A block of memory that is needed from one step to another, both included.
struct Lifetime {
  size_t bytes = 0;
  uint32_t first_step = 0;
  uint32_t last_step = 0;
};

struct ArenaPlan {
  std::vector<size_t> offset;  ///< one per lifetime; multiples of 64
  size_t bytes = 0;            ///< size of the arena
};

/// Places blocks so that no two that live at the same step overlap. Greedy by size, best fit:
/// within a few per cent of the lower bound on the graphs of this field (Pisarchyk and Lee,
/// "Efficient Memory Management for Deep Neural Net Inference", 2020). Deterministic. O(n^2).
ArenaPlan plan_arena(std::span<const Lifetime>);

}  // namespace smelt
