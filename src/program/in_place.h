// States that are updated by way of a copy: found once, so that the copies need not be made.
#pragma once

#include <cstdint>
#include <vector>

#include "format/pte/program_file.h"
#include "program/operator.h"

namespace smelt::program {

/// `next` is `state` with some elements replaced, and is copied back onto it later. It may live in
/// the state's memory: nobody looks at the state's old contents in between.
///
/// Exported programs have no operators that write in place: a cache is written as next =
/// index_put(state, …), and at the end copy_(state, next). Taken literally this moves the whole
/// cache twice for every token.
struct InPlaceUpdate {
  uint32_t state, next;  ///< values
};

std::vector<InPlaceUpdate> find_in_place_updates(
    const pte::ExecutionPlan&, const std::vector<const Operator*>& operators,
    const std::vector<std::vector<uint32_t>>& delegate_outputs);

}  // namespace smelt::program
