// Copies that need not be made: their results can live where the copied elements lie.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "graph/arena.h"
#include "program/data_flow.h"
#include "program/kernel_call.h"
#include "program/uses.h"
#include "program/value_table.h"

namespace smelt::program {

/// Exported programs have no views: each unsqueeze, select or split copies. Here the copy's tensor
/// becomes a part of the tensor that it was copied from, and the call does nothing.
///
/// The file's own plan of memory lets others write to the original once it has been copied. An
/// original that its copies are read too long for moves to memory of its own. Others that have to
/// stay where they are (inputs, states, constants) are copied where they would be overwritten.
class CopyElision {
 public:
  /// What is known of a value besides how it is used.
  enum class Place : uint8_t {
    kFree,    ///< may lie anywhere
    kFixed,   ///< lies where it lies
    kMoving,  ///< lies elsewhere in each run
  };

  /// `uses` is that of the only chain of instructions, which has no jumps and moves.
  CopyElision(ValueTable& table, const DataFlow& flow, const std::vector<Uses>& uses,
              std::vector<Place> places);

  /// The call, which is instruction `at`, would do these copies. In the order of instructions.
  void visit(KernelCall& call, size_t at, std::span<const Copied> copies);

  /// Gives tensors their places. kOutOfMemory.
  Result<AlignedBuffer> finish();

 private:
  /// Part of which value a value is, and where it begins in it, in bytes.
  struct Part {
    uint32_t whole;
    size_t offset = 0;
  };

  uint32_t index(const EValue* v) const { return uint32_t(v - table_.values.data()); }
  const Tensor& tensor(uint32_t v) const { return *table_.values[v].tensor; }
  bool fixed_arguments(const KernelCall&) const;
  bool can_share(const Copied&, const Tensor& self, const Part&, size_t at) const;
  bool written_between(size_t first, size_t last, const std::byte* data, size_t bytes) const;

  ValueTable& table_;
  const DataFlow& flow_;
  const std::vector<Uses>& uses_;
  std::vector<Place> places_;
  std::unordered_map<const Tensor*, uint32_t> values_;
  std::vector<Part> parts_;                        ///< by value
  std::vector<std::vector<uint32_t>> written_by_;  ///< values, by instruction
};

}  // namespace smelt::program
