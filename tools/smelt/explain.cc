// smelt explain: what the planner decided for each node, and why.
#include <memory>

#include <fmt/format.h>

#include "base/status.h"
#include "json_file.h"
#include "options.h"
#include "output_files.h"
#include "steps.h"
#include "verbs.h"

namespace smelt::cli {
namespace {

struct Options {
  ModelOptions model;
  bool all = false;
  std::filesystem::path json;
};

// Rejected kernels that are shown without --all: the ones that a reader asks about first.
constexpr size_t kAlternatives = 3;

void print(const StepInfo& s, bool all) {
  fmt::print("{}", s.name);
  if (s.delegate >= 0)
    fmt::print("   [delegate {}, node {}, debug handle {}]", s.delegate, s.node, s.debug_handle);
  fmt::print("\n    {}   {}\n", s.signature, s.shapes);
  for (const std::string& pass : s.passes) fmt::print("    pass: {}\n", pass);
  if (s.removed) {
    fmt::print("    {}\n", s.reason);
  } else {
    if (!s.kernel.empty()) fmt::print("    kernel {}", s.kernel);
    if (s.macs != 0) fmt::print("   {} MACs", s.macs);
    if (s.packed_bytes != 0) fmt::print("   {} packed bytes", s.packed_bytes);
    fmt::print("\n    {}\n", s.reason);
    if (!s.outside.empty()) fmt::print("    outside delegates: {}\n", s.outside);
    const size_t shown =
        all ? s.alternatives.size() : std::min(s.alternatives.size(), kAlternatives);
    for (size_t i = 0; i < shown; ++i)
      fmt::print("      not {}: {}\n", s.alternatives[i].kernel, s.alternatives[i].reason);
    if (shown < s.alternatives.size())
      fmt::print("      and {} more (--all)\n", s.alternatives.size() - shown);
  }
  const auto theirs = [](const std::string& n) {
    return n.empty() ? std::string_view("no step of its own") : n;
  };
  if (s.executorch_1_0 == s.executorch_current) {
    fmt::print("    ExecuTorch: {}\n", theirs(s.executorch_current));
  } else {
    fmt::print("    ExecuTorch v1.0: {}; current: {}\n", theirs(s.executorch_1_0),
               theirs(s.executorch_current));
  }
}

Result<Exit> run(const Options& o) {
  SMELT_ASSIGN(const Program program, open_program(o.model));
  SMELT_ASSIGN(const Method method, open_method(program, o.model));
  const std::vector<StepInfo> steps = method.explain();
  for (const StepInfo& s : steps) print(s, o.all);
  fmt::print("{}\n", summary(steps));
  if (!o.json.empty()) {
    nlohmann::ordered_json j;
    j["program"] = o.model.model.string();
    j["method"] = method.info().name;
    j["version"] = version();
    j["cpu"] = o.model.cpu.empty() ? "this machine" : o.model.cpu;
    j.update(to_json(steps));
    SMELT_TRY(write_json(o.json, j));
  }
  return Exit::kOk;
}

}  // namespace

Verb add_explain(CLI::App& app) {
  auto* c = app.add_subcommand("explain", "Show which kernel runs each node, and why");
  auto o = std::make_shared<Options>();
  o->model.add_model(*c);
  o->model.add_method(*c);
  o->model.add_cpu(*c);
  o->model.add_threads(*c);
  c->add_flag("--all", o->all, "Show every kernel that was considered");
  add_output_file(*c, "--json", o->json, "Write the same as JSON");
  c->footer(R"(
Shown of each node: its name in profiles, types and shapes, what the planner did to it, the kernel with its instruction set
and tile, multiply-accumulates, why it runs where it runs, which kernels were passed over, and what ExecuTorch v1.0 and
the current one make of it on the same CPU. Nodes that the planner removed are shown as well.

Examples:
  smelt explain model.pte
  smelt explain model.pte --cpu apple-m4 --json model.json)");
  return {c, [o] { return run(*o); }, {&o->json}};
}

}  // namespace smelt::cli
