// ExecuTorch's element types in our terms.
#pragma once

#include <optional>

#include "program_generated.h"
#include "smelt/types.hpp"

namespace smelt {

/// Nothing for types that Smelt has no arithmetic for (quantised and 8-bit float types).
std::optional<DType> to_dtype(pte::ScalarType) noexcept;

/// Nothing for kU4, which no tensor of a program has.
std::optional<pte::ScalarType> to_scalar_type(DType) noexcept;

}  // namespace smelt
