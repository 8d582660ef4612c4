// Who may write to what: found out once, before a method gets memory.
#pragma once

#include <vector>

#include "format/pte/program_file.h"
#include "program/operator.h"

namespace smelt::program {

/// What the instructions of a plan do to its values, whichever way control flows. Indexed by value.
struct DataFlow {
  std::vector<bool> computed;  ///< a kernel, delegate or move writes it
  std::vector<bool> view;      ///< a view operator gives it the memory of another
  /// Its memory may be written: through itself, or through a value that it is viewed as.
  std::vector<bool> mutated;
  std::vector<bool> read;
  /// Its memory may become that of an output: it is one, or a value that it is viewed as.
  std::vector<bool> escapes;

  /// `operators[i]` belongs to the i-th operator of the plan; `delegate_outputs[i]` lists the
  /// arguments that the i-th delegate writes.
  static DataFlow of(const pte::ExecutionPlan&, const std::vector<const Operator*>& operators,
                     const std::vector<std::vector<uint32_t>>& delegate_outputs);
};

}  // namespace smelt::program
