// Files of tensors.
#include <cstdint>
#include <vector>

#include "format/npy/npy.h"
#include "support/read_everything.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto array = smelt::parse_npy(std::as_bytes(std::span(data, size)), "file");
  if (array) smelt::testing::look_at(array->bytes());
  return 0;
}
