// Where in a list of instructions values are used.
#pragma once

#include <vector>

#include "format/pte/program_file.h"
#include "program/operator.h"

namespace smelt::program {

struct Uses {
  /// Numbers of instructions, ascending. Reads are those of tensors only.
  std::vector<size_t> reads, writes;
  /// Viewed, an input or an output: its memory is somebody else's concern too.
  bool aliased = false;
};

/// Of all values of a plan, in one of its chains. `operators[i]` belongs to the i-th operator of
/// the plan; `delegate_outputs[i]` lists the arguments that the i-th delegate writes.
std::vector<Uses> uses_of(const pte::ExecutionPlan&, const pte::Chain&,
                          const std::vector<const Operator*>& operators,
                          const std::vector<std::vector<uint32_t>>& delegate_outputs);

}  // namespace smelt::program
