// Bundled programs (.bpte), as the CLI uses them.
#pragma once

#include <filesystem>
#include <vector>

#include "manifest.h"

namespace smelt::cli {

/// Whether the file is there and a bundled program.
bool is_bundle(const std::filesystem::path&);

/// Each test case as an entry of a manifest: "forward 0", of the group "forward". kInvalidFile,
/// kUnsupported.
Result<std::vector<ManifestEntry>> read_bundle(const std::filesystem::path&, Tolerance);

}  // namespace smelt::cli
