// External data files.
#include <cstdint>
#include <vector>

#include "format/ptd/external_data.h"
#include "support/read_everything.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> file(bytes.begin(), bytes.end());
  const auto external = smelt::ExternalData::parse(file, "file");
  if (!external) return 0;
  for (const auto& entry : external->named_data().entries()) smelt::testing::look_at(entry.bytes);
  for (const auto& tensor : external->tensors()) smelt::testing::look_at(tensor.bytes);
  return 0;
}
