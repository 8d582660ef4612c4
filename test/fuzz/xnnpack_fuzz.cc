// Delegate payloads.
#include <cstdint>
#include <vector>

#include "support/read_everything.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> payload(bytes.begin(), bytes.end());
  smelt::testing::read_delegate(payload);
  return 0;
}
