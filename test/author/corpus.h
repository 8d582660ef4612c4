// Where real programs are, if they are there.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace smelt {

/// $SMELT_CORPUS, else the folder beside the source tree. Need not exist.
inline std::filesystem::path corpus_folder() {
  if (const char* folder = std::getenv("SMELT_CORPUS")) return folder;
  return std::filesystem::path(SMELT_SOURCE_DIR) / "../shared/corpus";
}

}  // namespace smelt
