// Inputs of a method, from files, from the command line, or made up.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

/// One value for each of `infos`: `given[i]` if there is one (a .npy path, or int:5, float:1.5,
/// bool:true), else seeded random numbers of the largest shape allowed. `notes` gets a sentence for
/// each input that was made up.
Result<Inputs> make_inputs(std::span<const ValueInfo> infos, std::span<const std::string> given,
                           uint64_t seed, std::vector<std::string>& notes);

/// What make_inputs reads, for --help.
inline constexpr const char* kInputHelp =
    "An input, in order: a .npy file in logical (C) order, or a number: int:5, float:1.5, "
    "bool:true (a tensor of one element takes one, too). bfloat16 is read "
    "from float32 or from uint16 bit patterns. Inputs that are not given are random, of the "
    "largest shape allowed";

}  // namespace smelt::cli
