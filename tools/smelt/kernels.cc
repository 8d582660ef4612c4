// smelt kernels: the micro-kernels to choose from.
#include "kernels/dwconv/kernels.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/status.h"
#include "cpu.h"
#include "json_file.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/variant.h"
#include "kernels/vector/tables.h"
#include "options.h"
#include "output_files.h"
#include "program/operator.h"
#include "verbs.h"

namespace smelt::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string cpu;
  std::filesystem::path json;
  bool operators = false;
};

struct Line {
  std::string_view name, family, variant;
  Isa isa;
  std::string tile;
};

std::string edge(Extent e) { return fmt::format("{}{}", e.count, e.times_vl ? "vl" : ""); }

std::vector<Line> kernels(const Cpu& cpu) {
  std::vector<Line> lines;
  for (const GemmKernel* k : gemm_kernels(cpu))
    lines.push_back({k->name, "gemm", signature(k->variant).name, k->isa,
                     fmt::format("{}x{}", edge(k->mr), edge(k->nr))});
  for (const DwconvKernel* k : dwconv_kernels(cpu))
    lines.push_back({k->name, "dwconv", name(k->variant), k->isa, ""});
  for (const VectorTable& t : vector_tables())
    lines.push_back({t.kernels->name, "vector", "", t.isa, ""});
  return lines;
}

/// The library that runs what no kernel does, by the names that files have.
Result<Exit> list_operators(const Options& o) {
  std::vector<std::string_view> names;
  for (const program::Operator* op : program::all_operators()) names.push_back(op->name);
  std::ranges::sort(names);
  for (const std::string_view name : names) fmt::print("{}\n", name);
  fmt::print("{} operators\n", names.size());
  if (!o.json.empty()) SMELT_TRY(write_json(o.json, {{"operators", names}}));
  return Exit::kOk;
}

Result<Exit> run(const Options& o) {
  if (o.operators) return list_operators(o);
  SMELT_ASSIGN(const Cpu cpu, find_cpu(o.cpu));
  Json j;
  j["cpu"] = cpu.name;
  j["kernels"] = Json::array();
  size_t usable = 0;
  const std::vector<Line> lines = kernels(cpu);
  for (const Line& l : lines) {
    const bool runs = cpu.isa.has(l.isa);
    usable += runs;
    fmt::print("{:<40} {:<10} {}\n", l.name, l.tile,
               runs ? "" : fmt::format("not here: {} is not available", name(l.isa)));
    j["kernels"].push_back({{"name", l.name},
                            {"family", l.family},
                            {"variant", l.variant},
                            {"isa", name(l.isa)},
                            {"tile", l.tile},
                            {"available", runs}});
  }
  fmt::print("{} of {} kernels run on {}\n", usable, lines.size(), cpu.name);
  if (!o.json.empty()) SMELT_TRY(write_json(o.json, j));
  return Exit::kOk;
}

}  // namespace

Verb add_kernels(CLI::App& app) {
  auto* c =
      app.add_subcommand("kernels", "List the micro-kernels, and which of them this CPU can run");
  auto o = std::make_shared<Options>();
  c->add_option("--cpu", o->cpu, "A described CPU (see smelt cpu --list); default: this machine")
      ->type_name("NAME")
      ->check(not_empty);
  c->add_flag("--operators", o->operators, "List the operators for what is not delegated instead");
  add_output_file(*c, "--json", o->json, "Write the same as JSON");
  return {c, [o] { return run(*o); }, {&o->json}};
}

}  // namespace smelt::cli
