// Tensors in the order that people and .npy files use, with their memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "smelt/smelt.hpp"

namespace smelt::cli {

/// A dense tensor in logical (C) order.
struct Array {
  DType dtype = DType::kF32;
  Shape shape;
  std::vector<std::byte> bytes;
};

/// "tensor", "int", "float", …
std::string_view describe(ValueKind);
/// "float32 [1, 3, 224, 224]"
std::string describe(DType, const Shape&);
/// The same for what a method expects: "float32 [at most 1, 128]", "int".
std::string describe(const ValueInfo&);

/// Rearranges a logical (C order) tensor into the memory order `dim_order` (TensorView::dim_order).
std::vector<std::byte> to_memory_order(const Array&, const Shape& dim_order);
/// An output in logical order. Scalars become tensors of rank 0; kUnsupported for what .npy cannot
/// hold (strings, none).
Result<Array> to_array(const Value&);

/// Reads a .npy file. Errors name the file.
Result<Array> read_array(const std::filesystem::path&);
/// Writes a .npy file; bfloat16 becomes uint16 bit patterns. Errors name the file.
Status write_array(const std::filesystem::path&, const Array&);

}  // namespace smelt::cli
