// External data files (.ptd): weights that programs refer to by name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "format/named_data.h"
#include "platform/memory.h"
#include "smelt/shape.hpp"
#include "smelt/types.hpp"

namespace smelt {

/// What a named datum is, if it is a tensor.
struct ExternalTensor {
  std::string_view key;
  DType dtype;
  Shape shape;
  std::vector<uint8_t> dim_order;
  std::span<const std::byte> bytes;  ///< exactly as long as the tensor
};

/// Movable; what it hands out stays valid for as long as the object (or what it was moved to)
/// lives. Immutable.
class ExternalData {
 public:
  /// Maps the file. kNotFound, kIo, kInvalidFile.
  static Result<ExternalData> open(const std::filesystem::path&);
  /// Reads a file in the caller's memory, which outlives this object and is aligned to 16
  /// (kInvalidArgument).
  static Result<ExternalData> parse(std::span<const std::byte> bytes, std::string name);

  const std::string& name() const { return name_; }
  const NamedDataMap& named_data() const { return named_data_; }
  /// Null if there is no tensor of that name (data without a layout, or with a type that has no
  /// DType, are no tensors).
  const ExternalTensor* find_tensor(std::string_view key) const;
  /// Sorted by key.
  std::span<const ExternalTensor> tensors() const { return tensors_; }

 private:
  ExternalData() = default;
  Status read(std::span<const std::byte> bytes);

  MappedFile file_;
  std::string name_;
  NamedDataMap named_data_;
  std::vector<ExternalTensor> tensors_;
};

}  // namespace smelt
