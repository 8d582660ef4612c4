// Small programs for tests of the API.
#pragma once

#include <cstddef>
#include <vector>

#include "platform/memory.h"

namespace smelt::test {

/// float32 [2, 3] + (10, 20, 30). With `dynamic`, [2, 3] is the upper bound.
AlignedBuffer add_program(bool dynamic = false);

/// float32 [m, k] x weights[n, k] + bias; weights[i, j] = ((i + 2 j) mod 5 - 2) / 4, bias[i] = i.
AlignedBuffer linear_program(size_t m, size_t n, size_t k, bool dynamic = false);
/// What linear_program gives for `x`, in double.
std::vector<double> linear(const std::vector<float>& x, size_t n, size_t k);

}  // namespace smelt::test
