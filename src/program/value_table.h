// The values of a method, with their memory.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "format/ptd/external_data.h"
#include "format/pte/program_file.h"
#include "ops/weight_cache.h"
#include "program/evalue.h"
#include "program/shared_state.h"

namespace smelt::program {

/// What a program is read from. Shared by its methods, and alive as long as they are.
struct ProgramSource {
  ProgramFile file;
  std::vector<ExternalData> external;  ///< searched in order
  /// What its methods have packed, each weight once.
  std::shared_ptr<WeightCache> weights = std::make_shared<WeightCache>();
  /// What its methods remember together.
  std::shared_ptr<SharedState> state = std::make_shared<SharedState>();

  /// Data by name: the program's own first.
  std::optional<std::span<const std::byte>> find_data(std::string_view key) const;
  /// Where a tensor of the file is, its contents found in whichever file they are. kNotFound,
  /// kInvalidFile name the value.
  Result<TensorStorage> storage(const pte::Tensor&, size_t value) const;
};

/// The values of one method: scalars as the file has them, tensors with memory. Tensors do not
/// move.
struct ValueTable {
  std::vector<EValue> values;
  std::vector<bool> constant;  ///< per value: a tensor in read-only memory
  std::vector<bool> planned;   ///< per value: a tensor in one of the arenas
  size_t planned_bytes = 0;    ///< what the file's own plan asks for
  size_t constant_bytes = 0;
  size_t shared_bytes = 0;  ///< of the program's state, used by other methods too

  /// Allocates arenas and the memory of unplanned tensors. Everything that can change starts at its
  /// initial value, or at zero. `unowned` marks values that need no memory of their own: inputs
  /// that are passed by reference, views.
  static Result<ValueTable> build(const ProgramSource&, const pte::ExecutionPlan&,
                                  const std::vector<bool>& unowned);

  /// Puts all memory back to its initial value, what is shared with other methods too.
  void reset();

 private:
  Result<Tensor*> build_tensor(const ProgramSource&, const pte::Tensor&, size_t index,
                               bool unowned);

  std::deque<Tensor> tensors_;
  std::deque<List> lists_;
  std::deque<std::string_view> strings_;
  std::vector<AlignedBuffer> arenas_;
  std::vector<std::byte*> arena_at_;     // by memory_id
  std::shared_ptr<SharedState> shared_;  // null: it has no part in it
  std::deque<AlignedBuffer> unplanned_;
  std::vector<InitialValue> initial_;
  AlignedBuffer unset_;  // what unowned tensors point to before somebody gives them memory
};

}  // namespace smelt::program
