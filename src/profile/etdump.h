// Profiles as ExecuTorch writes them, for its Inspector and everything else that reads ETDump.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "smelt/profile.hpp"

namespace smelt {

/// Stretches of loading, on the same clock as the profile's times.
struct LoadTimes {
  uint64_t program_begin_ns = 0, program_end_ns = 0;  ///< mapping and checking the file
  uint64_t method_begin_ns = 0, method_end_ns = 0;    ///< packing weights, planning
};

/// A size-prefixed ETDump: a block "Default" with the load, then a block "Execute" for each run. Times are nanoseconds. Nodes of
/// delegates are named as in StepInfo::name, each with its kernel as delegate metadata.
std::vector<std::byte> write_etdump(const Profile&, const LoadTimes&);

}  // namespace smelt
