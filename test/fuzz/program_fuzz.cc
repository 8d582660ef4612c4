// Programs and the delegates in them.
#include <cstdint>
#include <vector>

#include "support/read_everything.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  // A copy: aligned as programs must be, and as long as the input, so that reading past it is seen.
  const std::vector<std::byte> file(bytes.begin(), bytes.end());
  smelt::testing::read_program(file);
  return 0;
}
