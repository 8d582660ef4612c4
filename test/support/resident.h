// How much memory a test's process takes.
#pragma once

#include <cstddef>
#include <cstdio>
#include <unistd.h>

namespace smelt {

/// Of all pages that are there now. 0 if the system does not say.
inline size_t resident_bytes() {
  std::FILE* f = std::fopen("/proc/self/statm", "r");
  if (f == nullptr) return 0;
  size_t all = 0, resident = 0;
  const int read = std::fscanf(f, "%zu %zu", &all, &resident);
  std::fclose(f);
  return read == 2 ? resident * size_t(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace smelt
