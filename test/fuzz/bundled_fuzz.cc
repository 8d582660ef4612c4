// Bundled programs: the program inside, and the values of the test cases.
#include <cstdint>
#include <vector>

#include "format/bundled/bundled_program.h"
#include "format/pte/program_file.h"
#include "support/read_everything.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> file(bytes.begin(), bytes.end());
  if (const auto program = smelt::ProgramFile::parse(file, "file"))
    smelt::testing::look_at(program->bytes());
  const auto bundle = smelt::BundledCases::parse(file, "file");
  if (!bundle) return 0;
  for (const auto& c : bundle->cases()) {
    for (const auto* values : {&c.inputs, &c.outputs}) {
      for (const smelt::Value& v : *values) {
        if (const smelt::TensorView* t = v.tensor())
          smelt::testing::look_at({t->as<const std::byte>(), t->bytes});
      }
    }
  }
  return 0;
}
