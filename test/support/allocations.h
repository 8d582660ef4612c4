// Counts what the whole process allocates.
#pragma once

#include <cstddef>

namespace smelt::test {

/// Calls so far of operator new, in any of its forms, and of aligned_alloc, which AlignedBuffer
/// uses.
size_t allocations();

}  // namespace smelt::test
