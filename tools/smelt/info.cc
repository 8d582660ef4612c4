// smelt info: what is in a program, and what Smelt makes of it.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <ranges>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "array.h"
#include "base/status.h"
#include "bundle.h"
#include "format/bundled/bundled_program.h"
#include "json_file.h"
#include "options.h"
#include "output_files.h"
#include "verbs.h"

namespace smelt::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  ModelOptions model;
  std::filesystem::path json;
};

/// "1.5 MiB", and plain bytes below 10 KiB.
std::string human_bytes(size_t n) {
  if (n < 10u << 10) return fmt::format("{} B", n);
  if (n < 10u << 20) return fmt::format("{:.1f} KiB", double(n) / 1024);
  return fmt::format("{:.1f} MiB", double(n) / (1024 * 1024));
}

bool is_reordered(const Shape& order) { return !std::ranges::is_sorted(order.dims()); }

void print_values(const char* title, std::span<const ValueInfo> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    const ValueInfo& v = values[i];
    fmt::print("  {} {}: {}", title, i, describe(v));
    if (is_reordered(v.dim_order))
      fmt::print(", memory order ({})", fmt::join(v.dim_order.dims(), ", "));
    fmt::print("\n");
  }
}

void print_delegate(size_t index, const DelegateInfo& d) {
  fmt::print("  delegate {}: {}, {} nodes, constants {}, packed {}, arena {}\n", index, d.backend,
             d.nodes.size(), human_bytes(d.constant_bytes), human_bytes(d.packed_bytes),
             human_bytes(d.arena_bytes));
  size_t name_width = 0, signature_width = 0, kernel_width = 0;
  for (const NodeInfo& n : d.nodes) {
    name_width = std::max(name_width, n.name.size());
    signature_width = std::max(signature_width, n.signature.size());
    kernel_width = std::max(kernel_width, n.kernel.size());
  }
  for (const NodeInfo& n : d.nodes) {
    fmt::print("    {:>5}  {:<{}}  {:<{}}  {:<{}}", n.debug_handle, n.name, name_width, n.signature,
               signature_width, n.kernel, kernel_width);
    if (n.macs != 0) fmt::print("  {} MACs", n.macs);
    fmt::print("\n");
  }
}

void print(const MethodInfo& m) {
  fmt::print("method {}: {} instructions, planned memory {}, constants {}\n", m.name,
             m.instructions, human_bytes(m.planned_bytes), human_bytes(m.constant_bytes));
  if (m.shared_state_bytes != 0)
    fmt::print("  shares {} of state with other methods\n", human_bytes(m.shared_state_bytes));
  print_values("input", m.inputs);
  print_values("output", m.outputs);
  for (size_t i = 0; i < m.delegates.size(); ++i) print_delegate(i, m.delegates[i]);
  for (const OperatorInfo& o : m.operators) fmt::print("  operator {} × {}\n", o.name, o.calls);
}

Json to_json(std::span<const ValueInfo> values) {
  Json list = Json::array();
  for (const ValueInfo& v : values) {
    Json j;
    j["kind"] = describe(v.kind);
    if (v.kind == ValueKind::kTensor) {
      constexpr const char* kDynamism[] = {"static", "bounded", "unbounded"};
      j["dtype"] = name(v.dtype);
      j["shape"] = v.shape.dims();
      j["dim_order"] = v.dim_order.dims();
      j["dynamism"] = kDynamism[size_t(v.dynamism)];
    }
    list.push_back(std::move(j));
  }
  return list;
}

Json to_json(const MethodInfo& m) {
  Json j;
  j["name"] = m.name;
  j["instructions"] = m.instructions;
  j["planned_bytes"] = m.planned_bytes;
  j["constant_bytes"] = m.constant_bytes;
  j["shared_state_bytes"] = m.shared_state_bytes;
  j["inputs"] = to_json(m.inputs);
  j["outputs"] = to_json(m.outputs);
  j["delegates"] = Json::array();
  for (const DelegateInfo& d : m.delegates) {
    Json& dj = j["delegates"].emplace_back();
    dj["backend"] = d.backend;
    dj["constant_bytes"] = d.constant_bytes;
    dj["packed_bytes"] = d.packed_bytes;
    dj["arena_bytes"] = d.arena_bytes;
    dj["nodes"] = Json::array();
    for (const NodeInfo& n : d.nodes) {
      Json& nj = dj["nodes"].emplace_back();
      nj["name"] = n.name;
      nj["signature"] = n.signature;
      nj["kernel"] = n.kernel;
      nj["debug_handle"] = n.debug_handle;
      nj["macs"] = n.macs;
    }
  }
  j["operators"] = Json::array();
  for (const OperatorInfo& o : m.operators) {
    Json& oj = j["operators"].emplace_back();
    oj["name"] = o.name;
    oj["calls"] = o.calls;
  }
  return j;
}

/// All methods that load are shown; the first that does not decides the error.
Result<Exit> run(const Options& o) {
  SMELT_ASSIGN(const Program program, open_program(o.model));
  Json report;
  report["program"] = o.model.model.string();
  report["methods"] = Json::array();
  std::optional<Error> error;
  fmt::print("{}\n", o.model.model.string());
  if (is_bundle(o.model.model)) {
    SMELT_ASSIGN(const BundledCases bundle, BundledCases::open(o.model.model));
    std::map<std::string, size_t> cases;
    for (const BundledCases::Case& c : bundle.cases()) ++cases[c.method];
    report["test_cases"] = cases;
    fmt::print("bundled program");
    for (const auto& [method, n] : cases)
      fmt::print(", {} test case{} for {}", n, n == 1 ? "" : "s", method);
    fmt::print("{}\n", cases.empty() ? ", no test cases" : " (smelt check runs them)");
  }
  for (const std::string& name : program.method_names()) {
    const Result<Method> method = program.method(name);
    if (method) {
      print(method->info());
      report["methods"].push_back(to_json(method->info()));
      continue;
    }
    Json& failed = report["methods"].emplace_back();
    failed["name"] = name;
    failed["error"] = method.error().message;
    if (error) {
      error->message += fmt::format("\nsmelt: {}", method.error().message);
    } else {
      error = method.error();
    }
  }
  if (!o.json.empty()) SMELT_TRY(write_json(o.json, report));
  if (error) return tl::unexpected(*error);
  return Exit::kOk;
}

}  // namespace

Verb add_info(CLI::App& app) {
  auto* c = app.add_subcommand("info", "Show what is in a program and how it will run");
  auto o = std::make_shared<Options>();
  o->model.add_model(*c);
  add_output_file(*c, "--json", o->json, "Write the same as JSON");
  c->footer(R"(
Shown of each method: inputs, outputs, delegates with their nodes (debug handle, name, operand types, the kernel chosen
on this machine), operators that no delegate took, and memory.

Examples:
  smelt info model.pte
  SMELT_ISA=avx2 smelt info model.pte --json model.json)");
  return {c, [o] { return run(*o); }, {&o->json}};
}

}  // namespace smelt::cli
