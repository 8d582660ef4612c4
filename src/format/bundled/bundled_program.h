// Bundled programs (.bpte): a program, and test cases for it, in one file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "platform/memory.h"
#include "smelt/smelt.hpp"

namespace smelt {

/// Whether this is the beginning of a bundled program.
bool is_bundled(std::span<const std::byte> file);

/// The program file in a bundled program, wherever it lies in memory; `name` stands for the file in
/// messages. `file` is aligned to kFlatbufferAlignment. kInvalidFile.
Result<std::span<const std::byte>> program_in_bundle(std::span<const std::byte> file,
                                                     std::string_view name);

/// The test cases of a bundled program.
class BundledCases {
 public:
  /// Tensors refer to the file: they are read and never written.
  struct Case {
    std::string method;
    size_t index = 0;  ///< among those of the method
    std::vector<Value> inputs;
    std::vector<Value> outputs;  ///< what eager mode gave; empty if that was not recorded
  };

  /// kNotFound, kIo; kInvalidFile names the field; kUnsupported: an element type without a DType.
  static Result<BundledCases> open(const std::filesystem::path&);
  /// Reads a file in the caller's memory, which outlives the values. It is aligned to
  /// kFlatbufferAlignment (kInvalidArgument); `name` stands for it in messages.
  static Result<BundledCases> parse(std::span<const std::byte> bytes, std::string_view name);

  std::span<const Case> cases() const { return cases_; }

 private:
  Status read(std::span<const std::byte> bytes, std::string_view name);

  MappedFile file_;
  std::vector<Case> cases_;
};

}  // namespace smelt
