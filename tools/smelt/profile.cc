// smelt profile: how long each node takes, and on what.
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/status.h"
#include "cpu.h"
#include "inputs.h"
#include "json_file.h"
#include "options.h"
#include "output_files.h"
#include "platform/file.h"
#include "profile/etdump.h"
#include "profile/profiler.h"
#include "progress.h"
#include "report.h"
#include "steps.h"
#include "trace.h"
#include "verbs.h"
#include "warnings.h"

namespace smelt::cli {
namespace {

struct Options {
  ModelOptions model;
  InputOptions inputs;
  size_t runs = 20, warmup = 3;
  std::filesystem::path etdump, trace, html, json;
};

Result<Exit> run(const Options& o) {
  LoadTimes load;
  load.program_begin_ns = Profiler::now();
  SMELT_ASSIGN(const Program program, open_program(o.model));
  load.program_end_ns = load.method_begin_ns = Profiler::now();
  SMELT_ASSIGN(Method method, open_method(program, o.model));
  load.method_end_ns = Profiler::now();
  warn(method, o.model);

  std::vector<std::string> notes;
  SMELT_ASSIGN(const Inputs inputs, make_inputs(method, o.model.model, o.inputs, notes));
  for (const auto& note : notes) fmt::print("{}\n", note);
  std::vector<Value> outputs(method.outputs().size());
  for (size_t i = 0; i < o.warmup; ++i) SMELT_TRY(method.run(inputs.values, outputs));
  SMELT_TRY(method.start_profile());
  {
    Progress progress("profile");
    for (size_t i = 0; i < o.runs; ++i) {
      SMELT_TRY(method.run(inputs.values, outputs));
      progress.update(double(i + 1) / double(o.runs));
    }
  }
  const Profile profile = method.stop_profile();

  const Roofs roofs = measure_roofs(profile);
  const std::vector<StepTime> times = step_times(profile, roofs);
  print_times(profile, times);
  if (profile.dropped != 0)
    fmt::print("{} times did not fit: fewer --runs keep them all\n", profile.dropped);
  if (!o.json.empty()) {
    nlohmann::ordered_json j;
    j["program"] = o.model.model.string();
    j["method"] = method.info().name;
    j["version"] = version();
    j["cpu"] = cpu_tiers();
    j["runs"] = o.runs;
    j.update(to_json(profile, roofs, times));
    SMELT_TRY(write_json(o.json, j));
  }
  if (!o.etdump.empty()) {
    const std::vector<std::byte> dump = write_etdump(profile, load);
    SMELT_TRY(write_file(o.etdump, {dump}, IfExists::kReplace));
  }
  if (!o.trace.empty()) SMELT_TRY(write_json(o.trace, to_trace(profile)));
  if (!o.html.empty()) {
    const std::string title =
        fmt::format("{}: {}", o.model.model.filename().string(), method.info().name);
    SMELT_TRY(write_report(o.html, {title, cpu_tiers(), o.runs}, profile, roofs, times));
  }
  return Exit::kOk;
}

}  // namespace

Verb add_profile(CLI::App& app) {
  auto* c = app.add_subcommand("profile", "Measure each node of a program");
  auto o = std::make_shared<Options>();
  o->model.add_model(*c);
  o->model.add_method(*c);
  o->inputs.add(*c);
  add_number(*c, "--runs", o->runs, 1, kMostRuns, "Measured runs; default 20");
  add_number(*c, "--warmup", o->warmup, 0, kMostRuns, "Runs before measuring; default 3");
  o->model.add_threads(*c);
  o->model.add_quiet(*c);
  add_output_file(*c, "--etdump", o->etdump, "Write an ETDump, for ExecuTorch's Inspector");
  add_output_file(*c, "--trace", o->trace, "Write a trace for chrome://tracing or ui.perfetto.dev");
  add_output_file(*c, "--html", o->html, "Write a report: one page, nothing loaded from elsewhere");
  add_output_file(*c, "--json", o->json, "Write the table, and what smelt explain says, as JSON");
  c->footer(R"(
The median over the runs, each node by itself, and of the runs. GFLOP/s counts two operations per multiply-accumulate;
GB/s counts what is read and written. "roof" is the least time that the machine would need, as a share of that taken: the
roofs are measured with Smelt's own fastest product, and with copies. "busy" is how much of all threads' time was spent
computing. Nodes that the planner removed take no time and are not shown.

Examples:
  smelt profile model.pte
  smelt profile model.pte --threads 1 --runs 100 --html model.html --etdump model.etdp)");
  return {c, [o] { return run(*o); }, {&o->etdump, &o->trace, &o->html, &o->json}};
}

}  // namespace smelt::cli
