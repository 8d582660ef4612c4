#include "support/shared_folder.h"

#include <cstdlib>

namespace smelt {

std::filesystem::path source_folder() { return SMELT_SOURCE_DIR; }

std::filesystem::path shared_folder(const char* variable, const char* name) {
  if (const char* folder = std::getenv(variable)) return folder;
  return source_folder() / ".." / "shared" / name;
}

}  // namespace smelt
