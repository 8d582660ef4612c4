// How many threads compute if nobody says.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace smelt {

/// The processors that this process may use, and what it may use of them.
struct Workers {
  unsigned online = 1;   ///< in the machine
  unsigned allowed = 1;  ///< the affinity mask leaves
  unsigned fast = 1;     ///< of those: without the small cores of machines that have large ones
  double quota = 0;      ///< CPU time per time, all threads together; 0: no limit

  /// At least 1. A share of a processor counts as one: it is there part of the time.
  unsigned count() const;
  /// "one for each of 4 performance cores; 4 small cores are left out"
  std::string why() const;
};

/// Reads sysfs and the control groups (both versions) under `root`, which tests replace. What
/// cannot be read limits nothing. `allowed` lists numbers of processors.
Workers find_workers(std::span<const unsigned> allowed, const std::filesystem::path& root);

/// For this process.
Workers default_workers();

}  // namespace smelt
