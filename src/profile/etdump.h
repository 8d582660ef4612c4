// Profiles as ExecuTorch writes them, for its Inspector and everything else that reads ETDump.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "smelt/profile.hpp"

namespace smelt {

/// Stretches of loading, on the same clock as the profile's times.
struct LoadTimes {
  uint64_t program_begin_ns = 0, program_end_ns = 0;  ///< mapping and checking the file
  uint64_t method_begin_ns = 0, method_end_ns = 0;    ///< packing weights, planning
};

/// A size-prefixed ETDump: a block "Default" with the load, then a block "Execute" for each run.
/// Times are nanoseconds. Nodes of delegates are named as in StepInfo::name, each with its kernel
/// as delegate metadata.
std::vector<std::byte> write_etdump(const Profile&, const LoadTimes&);

/// A step of the runs in an ETDump.
struct EtDumpStep {
  std::string name;        ///< "Add (ND) #1", "native_call_add.out"
  std::string kernel;      ///< the metadata, where it is text
  std::vector<double> us;  ///< for each run in which it happened
};

/// The steps of all blocks "Execute", in the order of the first run that has them: what delegates
/// report, and calls of operators. The n-th step of a name in one run is the n-th in all.
/// kInvalidFile names what is wrong; `where` is the file.
Result<std::vector<EtDumpStep>> read_etdump(std::span<const std::byte>, std::string_view where);

}  // namespace smelt
