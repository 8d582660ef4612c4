// Whose mistake it is that an instruction failed: the file's, or that of who called the method.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "format/pte/program_file.h"
#include "program/operator.h"

namespace smelt::program {

/// What a graph says of shapes that it cannot take (kInvalidArgument, as if they were the
/// caller's), as an operator says it.
inline Status shapes_taken(Status by_graph) {
  if (!by_graph && by_graph.error().code == ErrorCode::kInvalidArgument)
    by_graph.error().code = ErrorCode::kInvalidFile;
  return by_graph;
}

/// What an instruction's failure depends on, worked out from a plan only once one has failed. An
/// input whose shape is the declared one brings no shape of its own: what a file says of it holds
/// for every caller.
class Blame {
 public:
  /// `own_shape[i]`: the i-th value is an input, and the caller gave it another shape than the
  /// largest allowed. The other two are those of DataFlow::of.
  Blame(const pte::ExecutionPlan&, const std::vector<const Operator*>& operators,
        const std::vector<std::vector<uint32_t>>& delegate_outputs, std::vector<bool> own_shape);

  /// The error of an instruction, with the code that it deserves: kInvalidArgument if the caller
  /// could have avoided it with other inputs, else kInvalidFile. Operators say kInvalidFile of
  /// shapes and arguments that do not go together, and kInvalidArgument of values that are out of
  /// range; other codes stay.
  Error of(const pte::Instruction& failed, Error error) const;

 private:
  /// What of a call's arguments came from the caller.
  struct Given {
    bool shape = false;   ///< of a tensor
    bool number = false;  ///< a scalar, or one in a list
    bool data = false;    ///< elements of a tensor
  };
  /// The arguments of an instruction that are read, and those that are written.
  void arguments(const pte::Instruction&, const std::function<void(uint32_t)>& read,
                 const std::function<void(uint32_t)>& written) const;
  Given given(const pte::Instruction&) const;
  bool follow(const pte::Instruction&);

  const pte::ExecutionPlan& plan_;
  const std::vector<const Operator*>& operators_;
  const std::vector<std::vector<uint32_t>>& delegate_outputs_;
  std::vector<bool> shape_;  ///< per value: its shape depends on that of an input
  std::vector<bool> data_;   ///< per value: its elements, or the number, depend on an input
};

}  // namespace smelt::program
