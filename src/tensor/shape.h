// Shapes that come from files: checked sizes, and bytes per tensor.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "smelt/shape.hpp"
#include "smelt/types.hpp"

namespace smelt {

/// Elements of a shape; nothing if an extent is negative or the bytes would not fit ptrdiff_t.
std::optional<size_t> checked_numel(const Shape&) noexcept;

/// "[1, 3, 224, 224]"
std::string to_string(const Shape&);

/// Bytes of a dense tensor; kU4 rounds the innermost extent up to whole bytes.
size_t dense_bytes(DType, const Shape&) noexcept;

}  // namespace smelt
