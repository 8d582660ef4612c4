// The tables that this architecture has.
#pragma once

#include <span>

#include "kernels/vector/vector_kernels.h"
#include "platform/isa.h"

namespace smelt {

struct VectorTable {
  Isa isa;
  const VectorKernels* kernels;
};

/// All that were built, in order of preference: the last whose ISA a processor has is the one for
/// it.
std::span<const VectorTable> vector_tables() noexcept;

}  // namespace smelt
