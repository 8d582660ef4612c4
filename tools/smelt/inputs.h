// Inputs of a method, from files, from the command line, or made up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "array.h"

namespace smelt::cli {

/// Values together with the memory that they refer to. Movable: the memory stays where it is.
struct Inputs {
  std::vector<Value> values;
  std::vector<std::vector<std::byte>> memory;

  /// Appends `array` in the form that the method expects at `info`: in its dim_order, bfloat16 from
  /// uint16 bit patterns or float32, arrays of one element as numbers where it wants a number.
  /// `what` names the input in messages.
  Status add(const ValueInfo& info, const Array& array, std::string_view what);
};

/// Where the inputs of a program come from.
struct InputOptions {
  std::vector<std::string> given;  ///< .npy paths, or int:5, float:1.5, bool:true
  uint64_t seed = 0;
  std::optional<size_t> test_case;  ///< of a bundled program; absent: the first, if there is one

  void add(CLI::App&);
};

/// One value for each input of the method: `given[i]` if there is one, else that of a test case, if
/// `program` is a bundled program, else seeded random numbers of the largest shape allowed. `notes`
/// gets a sentence for each input that was not given.
Result<Inputs> make_inputs(const Method&, const std::filesystem::path& program, const InputOptions&,
                           std::vector<std::string>& notes);

}  // namespace smelt::cli
