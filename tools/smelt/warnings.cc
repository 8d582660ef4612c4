#include "warnings.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "cpu.h"
#include "platform/cpu.h"
#include "printable.h"

namespace smelt::cli {
namespace {

// What is left of a reason once the kernel it is about is gone: nodes with the same trouble share a
// line.
std::string trouble(const StepInfo& s) {
  const size_t colon = s.reason.rfind(": ");
  return colon == s.reason.npos ? s.reason : s.reason.substr(colon + 2);
}

}  // namespace

std::vector<std::string> warnings(const Method& method, unsigned threads) {
  struct Kind {
    size_t nodes = 0;
    uint64_t macs = 0;
    std::string example;
  };
  std::map<std::string, Kind> kinds;
  uint64_t all = 0;
  const auto machine = find_cpu({}), whole = Cpu::detect();
  // Portable code is no choice that a user could change where there is nothing else.
  const bool only_plain = whole && whole->isa == IsaSet();
  const bool matrix_unit = machine && machine->sme_units != 0;
  for (const StepInfo& s : method.explain()) {
    all += s.macs;
    if (s.removed || s.category != Category::kMatrixProduct) continue;
    std::string text;
    if (s.delegate < 0 && s.unit == Unit::kPlain) {
      // Nobody can give to a delegate what no partitioner takes.
      if (s.delegable == Delegable::kNever) continue;
      text = s.delegable == Delegable::kYes
                 ? "multiply outside delegates, in portable code: partition them to XNNPACK when "
                   "exporting"
                 : "multiply outside delegates, in portable code: " + s.outside;
    } else if (s.unit == Unit::kPlain && !only_plain) {
      text = "multiply in portable code: " + trouble(s);
    } else if (matrix_unit && s.unit != Unit::kMatrix) {
      text = "do not use the matrix unit: " + trouble(s);
    }
    if (text.empty()) continue;
    Kind& kind = kinds[text];
    if (kind.nodes++ == 0) kind.example = s.name;
    kind.macs += s.macs;
  }
  std::vector<std::pair<uint64_t, std::string>> sorted;
  for (const auto& [text, kind] : kinds) {
    const std::string share = kind.macs == 0 ? ""
                                             : fmt::format(", {:.0f} % of the MACs",
                                                           100 * double(kind.macs) / double(all));
    sorted.emplace_back(kind.macs,
                        fmt::format("{} node{} ({}{}{}) {}", kind.nodes, kind.nodes == 1 ? "" : "s",
                                    kind.example, kind.nodes == 1 ? "" : ", …", share, text));
  }
  std::ranges::sort(sorted, std::greater());
  std::vector<std::string> lines;
  for (auto& [_, line] : sorted) lines.push_back(std::move(line));
  if (const char* mask = std::getenv("SMELT_ISA"); mask != nullptr && *mask != 0) {
    if (machine && whole && !(machine->isa == whole->isa))
      lines.push_back(
          fmt::format("SMELT_ISA={} leaves out instruction sets that this machine has", mask));
    const auto named = parse_isa_list(mask);
    if (whole && named && !((*named & whole->isa) == *named))
      lines.push_back(fmt::format(
          "SMELT_ISA={} names instruction sets that this machine does not have (see smelt cpu)",
          mask));
  }
  if (machine && threads > machine->cores)
    lines.push_back(fmt::format("{} threads on {} cores wait for one another: use --threads {}",
                                threads, machine->cores, machine->cores));
  return lines;
}

void warn(const Method& method, const ModelOptions& o) {
  if (o.quiet) return;
  for (const std::string& line : warnings(method, o.threads))
    fmt::print(stderr, "smelt: warning: {}\n", printable(line));
}

}  // namespace smelt::cli
