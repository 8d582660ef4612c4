// Files of one tensor, as NumPy writes them (.npy, versions 1.0 to 3.0).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/status.h"
#include "platform/memory.h"
#include "smelt/shape.hpp"
#include "smelt/types.hpp"

namespace smelt {

/// A dense, row-major tensor with its memory. NumPy has no bfloat16: such tensors are stored as
/// uint16, and whoever expects one looks at the bits.
struct NpyArray {
  DType dtype = DType::kF32;
  Shape shape;
  AlignedBuffer data;
  std::span<const std::byte> bytes() const { return data.bytes(); }
  std::span<std::byte> bytes() { return data.bytes(); }
};

/// Reads a file. Bool, integer and float types of either byte order; Fortran order becomes
/// row-major. kNotFound, kIo, kInvalidFile; kUnsupported for other types (objects, strings, complex
/// numbers, records).
Result<NpyArray> read_npy(const std::filesystem::path&);

/// The same for a file in memory; `name` stands for it in messages.
Result<NpyArray> parse_npy(std::span<const std::byte> file, std::string_view name);

/// Writes dense, row-major bytes (kBF16 as uint16), in place of an older file, whole or not at
/// all. kInvalidArgument if `bytes` is not as long as the tensor
/// or the type is kU4; kIo.
Status write_npy(const std::filesystem::path&, DType, const Shape&,
                 std::span<const std::byte> bytes);

}  // namespace smelt
