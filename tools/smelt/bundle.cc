#include "bundle.h"

#include <array>
#include <fstream>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "format/bundled/bundled_program.h"

namespace smelt::cli {

bool is_bundle(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  std::ifstream file(path, std::ios::binary);
  std::array<char, 8> head{};
  file.read(head.data(), head.size());
  return file && is_bundled(std::as_bytes(std::span(head)));
}

Result<std::vector<ManifestEntry>> read_bundle(const std::filesystem::path& path,
                                               Tolerance tolerance) {
  SMELT_ASSIGN(BundledCases opened, BundledCases::open(path));
  const auto bundle = std::make_shared<const BundledCases>(std::move(opened));
  std::vector<ManifestEntry> entries;
  for (const BundledCases::Case& c : bundle->cases()) {
    ManifestEntry e;
    e.name = e.where = fmt::format("{} {}", c.method, c.index);
    e.group = c.method;
    e.program = path;
    e.tolerance = tolerance;
    ManifestEntry::Step step;
    step.method = c.method;
    step.recorded = !c.outputs.empty();
    for (const auto& [from, to] :
         {std::pair(&c.inputs, &step.inputs), std::pair(&c.outputs, &step.outputs)}) {
      for (const Value& value : *from)
        to->push_back({.file = path, .dtype = {}, .shape = {}, .where = {}, .value = value});
    }
    e.steps.push_back(std::move(step));
    e.memory = bundle;
    entries.push_back(std::move(e));
  }
  return entries;
}

}  // namespace smelt::cli
