#include "graph/arena.h"

#include <algorithm>
#include <numeric>

#include "base/checked.h"

namespace smelt {

ArenaPlan plan_arena(std::span<const Lifetime> blocks) {
  constexpr size_t kAlign = 64;
  ArenaPlan plan;
  plan.offset.assign(blocks.size(), 0);

  // Largest first: a large block has the fewest places to go. Equal sizes keep their order, so the
  // result is stable.
  std::vector<uint32_t> order(blocks.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return blocks[a].bytes != blocks[b].bytes ? blocks[a].bytes > blocks[b].bytes : a < b;
  });

  std::vector<uint32_t> placed;  // by offset
  for (uint32_t i : order) {
    const Lifetime& block = blocks[i];
    const size_t size = round_up(block.bytes, kAlign);
    if (size == 0) continue;
    // Walk the gaps between blocks that live at the same time; take the tightest that fits, else
    // the end.
    size_t end = 0, best = 0, best_gap = ~size_t(0);
    for (uint32_t j : placed) {
      const Lifetime& other = blocks[j];
      if (other.last_step < block.first_step || block.last_step < other.first_step) continue;
      if (plan.offset[j] > end) {
        const size_t gap = plan.offset[j] - end;
        if (gap >= size && gap < best_gap) {
          best_gap = gap;
          best = end;
        }
      }
      end = std::max(end, plan.offset[j] + round_up(other.bytes, kAlign));
    }
    plan.offset[i] = best_gap != ~size_t(0) ? best : end;
    plan.bytes = std::max(plan.bytes, plan.offset[i] + size);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), i,
                         [&](uint32_t a, uint32_t b) { return plan.offset[a] < plan.offset[b]; }),
        i);
  }
  return plan;
}

}  // namespace smelt
