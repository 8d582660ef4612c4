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

namespace smelt::program {

/// What a program is read from. Shared by its methods, and alive as long as they are.
struct ProgramSource {
  ProgramFile file;
  std::vector<ExternalData> external;  ///< searched in order
  /// What its methods have packed, each weight once.
  std::shared_ptr<WeightCache> weights = std::make_shared<WeightCache>();

  /// Data by name: the program's own first.
  std::optional<std::span<const std::byte>> find_data(std::string_view key) const;
};

/// The values of one method: scalars as the file has them, tensors with memory. Tensors do not
/// move.
struct ValueTable {
  std::vector<EValue> values;
  std::vector<bool> constant;  ///< per value: a tensor in read-only memory
  std::vector<bool> planned;   ///< per value: a tensor in one of the arenas
  size_t planned_bytes = 0;    ///< what the file's own plan asks for
  size_t constant_bytes = 0;

  /// Allocates arenas and the memory of unplanned tensors. Everything that can change starts at its
  /// initial value, or at zero. `unowned` marks values that need no memory of their own: inputs
  /// that are passed by reference, views.
  static Result<ValueTable> build(const ProgramSource&, const pte::ExecutionPlan&,
                                  const std::vector<bool>& unowned);

  /// Puts all memory back to its initial value.
  void reset();

 private:
  struct Initial {
    std::byte* to;
    std::span<const std::byte> bytes;
  };
  Result<Tensor*> build_tensor(const ProgramSource&, const pte::Tensor&, size_t index,
                               bool unowned);

  std::deque<Tensor> tensors_;
  std::deque<List> lists_;
  std::deque<std::string_view> strings_;
  std::vector<AlignedBuffer> arenas_;  // by memory_id
  std::deque<AlignedBuffer> unplanned_;
  std::vector<Initial> initial_;
  AlignedBuffer unset_;  // what unowned tensors point to before somebody gives them memory
};

}  // namespace smelt::program
