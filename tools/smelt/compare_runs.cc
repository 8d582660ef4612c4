// smelt compare: two runs, or two CPUs' explanations, node by node.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "json_file.h"
#include "output_files.h"
#include "platform/memory.h"
#include "profile/etdump.h"
#include "report.h"
#include "steps.h"
#include "verbs.h"

namespace smelt::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::filesystem::path a, b, json, html;
  bool all = false;
};

// Rows that are printed without --all.
constexpr size_t kRows = 25;

enum class Kind : uint8_t { kTimes, kPlans, kTotals };

std::string_view describe(Kind kind) {
  switch (kind) {
    case Kind::kTimes:
      return "a profile, with a time for each node";
    case Kind::kPlans:
      return "what smelt explain says, without times";
    case Kind::kTotals:
      break;
  }
  return "a bench without --profile, which has no nodes";
}

/// A node of one side.
struct Row {
  std::string name, kernel, unit, reason;
  std::vector<std::string> aliases;  ///< what ExecuTorch calls its steps
  double us = 0;                     ///< of a run
  std::string operands = {};         ///< types and shapes; empty where they are not known
};

struct Side {
  Kind kind = Kind::kTotals;
  bool etdump = false;
  std::string label;
  std::vector<Row> rows;
  double total_us = 0, matrix_share = 0;
};

/// "Add (ND) #1 + Clamp (NC) #1" -> both, unless they are there already.
void add_names(std::vector<std::string>& names, std::string_view joined) {
  constexpr std::string_view kAnd = " + ";
  while (!joined.empty()) {
    const size_t end = std::min(joined.find(kAnd), joined.size());
    std::string one(joined.substr(0, end));
    if (std::ranges::find(names, one) == names.end()) names.push_back(std::move(one));
    joined.remove_prefix(std::min(end + kAnd.size(), joined.size()));
  }
}

Result<Side> read_report(const std::filesystem::path& path) {
  SMELT_ASSIGN(const nlohmann::json j, read_json(path));
  const auto wrong = [&](std::string_view field, std::string_view expected) {
    return fail(ErrorCode::kInvalidFile,
                "{}: {}: expected {}; --json of smelt explain, profile and bench writes such files",
                path.string(), field, expected);
  };
  const auto text = [](const nlohmann::json& in, const char* field) {
    const auto at = in.find(field);
    return at != in.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  const auto number = [](const nlohmann::json& in, const char* field) {
    const auto at = in.find(field);
    return at != in.end() && at->is_number() ? std::optional(at->get<double>()) : std::nullopt;
  };
  if (!j.is_object()) return wrong("the file", "an object");
  Side side;
  side.label = text(j, "program").empty() ? path.string() : text(j, "program");
  if (!text(j, "cpu").empty()) side.label += fmt::format(" on {}", text(j, "cpu"));
  const auto nodes = j.find("nodes");
  if (nodes == j.end()) {
    const auto p50 = number(j, "p50_us");
    if (!p50) return wrong("nodes", "a list");
    side.total_us = *p50;
    return side;
  }
  if (!nodes->is_array()) return wrong("nodes", "a list");
  side.kind = Kind::kPlans;
  if (const auto summary = j.find("summary"); summary != j.end() && summary->is_object())
    side.matrix_share = number(*summary, "matrix_share").value_or(0);
  for (size_t i = 0; i < nodes->size(); ++i) {
    const nlohmann::json& n = (*nodes)[i];
    if (!n.is_object() || text(n, "name").empty())
      return wrong(fmt::format("nodes[{}].name", i), "a string");
    Row row{text(n, "name"), text(n, "kernel"), text(n, "unit"), text(n, "reason"), {}, 0};
    row.operands = text(n, "signature") + " " + text(n, "shapes");
    if (row.operands == " ") row.operands.clear();
    if (const auto theirs = n.find("executorch"); theirs != n.end() && theirs->is_object()) {
      add_names(row.aliases, text(*theirs, "current"));
      add_names(row.aliases, text(*theirs, "v1.0"));
    }
    if (n.contains("median_us")) {
      const auto us = number(n, "median_us");
      if (!us || !(*us >= 0))
        return wrong(fmt::format("nodes[{}].median_us", i), "a number that is not negative");
      row.us = *us;
      side.kind = Kind::kTimes;
    }
    side.total_us += row.us;
    side.rows.push_back(std::move(row));
  }
  return side;
}

Result<Side> read_side(const std::filesystem::path& path) {
  // A size, an offset, and then the identifier.
  std::ifstream file(path, std::ios::binary);
  char head[12] = {};
  file.read(head, sizeof head);
  if (!file || std::string_view(head + 8, 4) != "ED00") return read_report(path);
  SMELT_ASSIGN(const MappedFile mapped, MappedFile::open(path));
  SMELT_ASSIGN(const std::vector<EtDumpStep> steps, read_etdump(mapped.bytes(), path.string()));
  Side side;
  side.kind = Kind::kTimes;
  side.etdump = true;
  side.label = path.string();
  for (const EtDumpStep& s : steps) {
    side.rows.push_back({s.name, s.kernel, {}, {}, {s.name}, median(s.us)});
    side.total_us += side.rows.back().us;
  }
  return side;
}

struct Pair {
  std::string name;
  std::optional<Row> a, b;

  double difference() const { return (b ? b->us : 0) - (a ? a->us : 0); }
  double ratio() const { return a && b && a->us > 0 ? b->us / a->us : 0; }
  bool kernel_differs() const {
    return a && b && !a->kernel.empty() && !b->kernel.empty() && a->kernel != b->kernel;
  }
  bool one_only() const { return !a || !b; }
  bool operands_differ() const {
    return a && b && !a->operands.empty() && !b->operands.empty() && a->operands != b->operands;
  }
};

/// Which nodes are the same one. Two reports of a program agree in names; of those that are alike
/// ("aten::add.out") the n-th goes with the n-th. Where one side is a dump of ExecuTorch's, its
/// steps go to the node that the report expects them of.
std::vector<Pair> match(const Side& a, const Side& b) {
  const bool mixed = a.etdump != b.etdump, swapped = a.etdump && mixed;
  const Side &base = swapped ? b : a, &other = swapped ? a : b;
  std::vector<Pair> pairs;
  std::map<std::pair<std::string, size_t>, size_t> where;
  std::map<std::string, size_t> seen;
  const auto keys = [&](const Row& row) {
    std::vector<std::string> all = mixed ? row.aliases : std::vector<std::string>();
    add_names(all, row.name);
    return all;
  };
  for (const Row& row : base.rows) {
    for (const std::string& key : keys(row))
      where.emplace(std::pair(key, seen[key]++), pairs.size());
    pairs.push_back({row.name, row, std::nullopt});
  }
  seen.clear();
  for (const Row& row : other.rows) {
    const auto at = where.find({row.name, seen[row.name]++});
    if (at == where.end()) {
      pairs.push_back({row.name, std::nullopt, row});
    } else if (std::optional<Row>& there = pairs[at->second].b; !there) {
      there = row;
    } else {
      there->us += row.us;
    }
  }
  if (swapped)
    for (Pair& p : pairs) std::swap(p.a, p.b);
  return pairs;
}

/// Why A and B may not be of one program; empty if nothing speaks against it. Names alone do not
/// tell: every program has an "Add (ND) #1".
std::string doubt(const std::vector<Pair>& pairs, size_t fewest) {
  const auto differ = size_t(std::ranges::count_if(pairs, &Pair::operands_differ));
  const auto alone = size_t(std::ranges::count_if(pairs, &Pair::one_only));
  if (differ == 0 && 2 * (pairs.size() - alone) >= fewest) return {};
  std::string text;
  if (alone != 0) text = fmt::format("{} of {} nodes are in one of them only", alone, pairs.size());
  if (differ != 0)
    text += fmt::format("{}{} nodes of the same name have other types or shapes",
                        text.empty() ? "" : ", ", differ);
  return text;
}

/// What changed most first: by time where there are times, else other units, then other kernels.
void sort(std::vector<Pair>& pairs, Kind kind) {
  const auto weight = [&](const Pair& p) -> double {
    if (kind == Kind::kTimes) return std::abs(p.difference());
    return p.one_only() ? 3 : p.a->unit != p.b->unit ? 2 : p.kernel_differs() ? 1 : 0;
  };
  // By hand: libstdc++'s stable_sort uses what C++17 deprecated.
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < pairs.size(); ++i) order.emplace_back(-weight(pairs[i]), i);
  std::ranges::sort(order);
  std::vector<Pair> sorted;
  for (const auto& [_, i] : order) sorted.push_back(std::move(pairs[i]));
  pairs = std::move(sorted);
}

Json to_json(const std::optional<Row>& row, Kind kind) {
  if (!row) return nullptr;
  Json j;
  j["kernel"] = row->kernel;
  if (!row->unit.empty()) j["unit"] = row->unit;
  if (!row->reason.empty()) j["reason"] = row->reason;
  if (kind == Kind::kTimes) j["us"] = row->us;
  return j;
}

Json to_json(const Side& side) {
  Json j;
  j["label"] = side.label;
  if (side.kind != Kind::kPlans) j["total_us"] = side.total_us;
  if (side.kind != Kind::kTotals) j["matrix_share"] = side.matrix_share;
  return j;
}

Json to_json(const Side& a, const Side& b, const std::vector<Pair>& pairs) {
  Json j;
  j["kind"] = a.kind == Kind::kPlans ? "plans" : "times";
  j["a"] = to_json(a);
  j["b"] = to_json(b);
  if (a.kind != Kind::kPlans && a.total_us > 0) j["total_ratio"] = b.total_us / a.total_us;
  j["nodes"] = Json::array();
  for (const Pair& p : pairs) {
    Json n;
    n["name"] = p.name;
    n["a"] = to_json(p.a, a.kind);
    n["b"] = to_json(p.b, b.kind);
    if (a.kind == Kind::kTimes) {
      if (p.ratio() > 0) n["ratio"] = p.ratio();
      n["difference_us"] = p.difference();
    }
    n["kernel_differs"] = p.kernel_differs();
    j["nodes"].push_back(std::move(n));
  }
  return j;
}

void print(const Side& a, const Side& b, const std::vector<Pair>& pairs, bool all) {
  fmt::print("A: {}\nB: {}\n", a.label, b.label);
  const size_t shown = all ? pairs.size() : std::min(pairs.size(), kRows);
  const auto kernels = [](const Pair& p) {
    if (p.one_only())
      return fmt::format("only in {}: {}", p.a ? "A" : "B", (p.a ? p.a : p.b)->kernel);
    return p.kernel_differs()    ? fmt::format("{} -> {}", p.a->kernel, p.b->kernel)
           : p.b->kernel.empty() ? p.a->kernel
                                 : p.b->kernel;
  };
  if (a.kind == Kind::kTimes) {
    fmt::print("{:>11}  {:>11}  {:>8}  {}\n", "A us", "B us", "B / A", "node");
    for (size_t i = 0; i < shown; ++i) {
      const Pair& p = pairs[i];
      const auto time = [](const std::optional<Row>& r) {
        return r ? fmt::format("{:.2f}", r->us) : "-";
      };
      fmt::print("{:>11}  {:>11}  {:>8}  {}   {}\n", time(p.a), time(p.b),
                 p.ratio() > 0 ? fmt::format("{:.3f}", p.ratio()) : "-", p.name, kernels(p));
    }
  } else {
    for (size_t i = 0; i < shown; ++i) {
      const Pair& p = pairs[i];
      const auto unit = [](const std::optional<Row>& r) { return r ? r->unit : "-"; };
      fmt::print("{:<7} {:<7} {}   {}\n", unit(p.a), unit(p.b), p.name, kernels(p));
    }
    fmt::print("MACs on the matrix unit: A {:.1f} %, B {:.1f} %\n", 100 * a.matrix_share,
               100 * b.matrix_share);
  }
  if (shown < pairs.size()) fmt::print("and {} more (--all)\n", pairs.size() - shown);
  if (a.kind != Kind::kPlans) {
    const std::string ratio = a.total_us > 0 ? fmt::format("{:.3f}", b.total_us / a.total_us) : "-";
    fmt::print("{:>11.2f}  {:>11.2f}  {:>8}  total\n", a.total_us, b.total_us, ratio);
  }
}

Result<Exit> run(const Options& o) {
  SMELT_ASSIGN(const Side a, read_side(o.a));
  SMELT_ASSIGN(const Side b, read_side(o.b));
  if (a.kind != b.kind) {
    return fail(ErrorCode::kInvalidArgument, "{} is {}; {} is {}: both have to be of one kind",
                o.a.string(), describe(a.kind), o.b.string(), describe(b.kind));
  }
  std::vector<Pair> pairs = match(a, b);
  const bool together =
      pairs.empty() || std::ranges::any_of(pairs, [](const Pair& p) { return !p.one_only(); });
  if (!together) {
    return fail(ErrorCode::kInvalidArgument,
                "{} and {} have no node in common: are they of one program?", o.a.string(),
                o.b.string());
  }
  if (const std::string why = doubt(pairs, std::min(a.rows.size(), b.rows.size())); !why.empty()) {
    const std::string warning = fmt::format(
        "smelt: warning: A and B do not look like runs of one program on inputs of one "
        "shape: {}\n",
        why);
    std::fputs(warning.c_str(), stderr);
  }
  sort(pairs, a.kind);
  print(a, b, pairs, o.all);
  const Json j = to_json(a, b, pairs);
  if (!o.json.empty()) SMELT_TRY(write_json(o.json, j));
  if (!o.html.empty()) SMELT_TRY(write_comparison(o.html, j));
  return Exit::kOk;
}

}  // namespace

Verb add_compare(CLI::App& app) {
  auto* c = app.add_subcommand("compare", "Compare two profiles, or two CPUs' explanations");
  auto o = std::make_shared<Options>();
  c->add_option("A", o->a, "JSON of smelt profile, bench or explain, or an ETDump")->required();
  c->add_option("B", o->b, "The same of another run or for another CPU")->required();
  c->add_flag("--all", o->all, "Print every node");
  add_output_file(*c, "--json", o->json, "Write all nodes as JSON");
  add_output_file(*c, "--html", o->html, "Write a report: one page, nothing loaded from elsewhere");
  c->footer(R"(
Ratios are B / A: above 1, B takes longer. What changed most comes first: the largest difference in time, or, between
explanations, nodes that run on another unit or with another kernel. One side may be an ETDump of ExecuTorch's own run of
the same program; its steps are matched by the names that smelt explain expects on this CPU.

Examples:
  smelt compare before.json after.json --html change.html
  smelt compare m4.json neoverse.json       (of smelt explain --cpu … --json)
  smelt compare executorch.etdp smelt.json)");
  return {c, [o] { return run(*o); }, {&o->json, &o->html}};
}

}  // namespace smelt::cli
