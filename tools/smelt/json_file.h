// JSON on disk, with errors that name the file.
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include "smelt/types.hpp"

namespace smelt::cli {

/// kNotFound, kIo, kInvalidFile (with the position of the syntax error).
Result<nlohmann::json> read_json(const std::filesystem::path&);
/// Ordered, so that reports read in the order in which they were written.
Status write_json(const std::filesystem::path&, const nlohmann::ordered_json&);

}  // namespace smelt::cli
