// Elements at listed places, copied run by run: what operators that index do when their tensors are
// row-major.
#pragma once

#include "program/operators/common.h"

namespace smelt::program {

/// A tensor seen as [lead][indexed][tail]: of each of its `lead` blocks of `block` elements, runs
/// of `tail` elements begin at the places in `offsets`, in this order.
struct SelectedRuns {
  size_t lead, block, tail;
  const int64_t* offsets;  ///< in elements from the start of a block
  size_t count;
  size_t width;  ///< places per row of the result: rows that repeat are found; divides `count`
};

/// to[lead][count][tail] = the runs of `from`; elements of `size` bytes. kOutOfMemory if there is
/// no scratch memory.
Status gather_runs(Call& call, const SelectedRuns& runs, size_t size, const std::byte* from,
                   std::byte* to);
/// The other way round, in order: the last of those that go to one place stays.
void scatter_runs(const SelectedRuns& runs, size_t size, const std::byte* from, std::byte* to);

}  // namespace smelt::program
