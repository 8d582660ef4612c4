// Files that a verb writes besides what it prints.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include <CLI/CLI.hpp>

#include "base/status.h"

namespace smelt::cli {

/// Declares an option that names a file to write; "-" is standard output.
CLI::Option* add_output_file(CLI::App&, const char* option, std::filesystem::path& file,
                             const char* about);

/// Before any work: whether each file could be written (kIo names it), and no two are the same
/// (kInvalidArgument). Empty paths are options that were not given. Where one is "-", its contents
/// go to standard output, and what would be printed there to standard error; the path then is that
/// of the open file.
Status prepare_outputs(std::span<std::filesystem::path* const> files);

}  // namespace smelt::cli
