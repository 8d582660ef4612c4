// What the name of a kernel says: "<family>_<variant>_<isa>_<rows>x<columns>". Enough to plan for
// machines whose kernels this build does not hold.
#pragma once

#include <charconv>
#include <string_view>

#include "kernels/pack/layout.h"
#include "platform/cpu.h"

namespace smelt {

struct KernelName {
  std::string_view variant;  ///< without the family
  Isa isa;
  std::string_view tile;  ///< "12x32", "1vlx4vl": vl is the number of 32-bit lanes
  Extent rows, columns;
};

inline KernelName parse_kernel_name(std::string_view text) {
  KernelName result{};
  const auto take_last = [&text] {
    const size_t at = text.rfind('_');
    const std::string_view last = text.substr(at + 1);
    text = text.substr(0, at);
    return last;
  };
  const auto extent = [](std::string_view digits) {
    Extent e;
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), e.count).ptr;
    e.times_vl = std::string_view(end, digits.data() + digits.size()) == "vl";
    return e;
  };
  result.tile = take_last();
  const size_t x = result.tile.find('x');
  result.rows = extent(result.tile.substr(0, x));
  result.columns = extent(result.tile.substr(x + 1));
  const std::string_view isa = take_last();
  for (size_t i = 0; i < kIsaCount; ++i)
    if (name(Isa(i)) == isa) result.isa = Isa(i);
  result.variant = text.substr(text.find('_') + 1);
  return result;
}

}  // namespace smelt
