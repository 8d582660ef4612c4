// smelt bench: how long a program takes to load and to run, and how much memory that needs.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <sys/resource.h>

#include "base/status.h"
#include "cpu.h"
#include "inputs.h"
#include "json_file.h"
#include "mark.h"
#include "options.h"
#include "output_files.h"
#include "platform/workers.h"
#include "progress.h"
#include "steps.h"
#include "verbs.h"
#include "warnings.h"

namespace smelt::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Options {
  ModelOptions model;
  InputOptions inputs;
  size_t runs = 0;  ///< 0: as many as fit into a second
  size_t warmup = 3;
  bool profile = false;
  std::filesystem::path json;
};

// The upper bound keeps the list of times from counting as memory of the program.
constexpr size_t kMinRuns = 10, kMaxRuns = 10'000;
constexpr auto kBudget = 1s;

double microseconds(Clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

/// The smallest value that at least the fraction `p` of `sorted` does not exceed.
double percentile(const std::vector<Clock::duration>& sorted, double p) {
  const auto rank = size_t(std::max(1.0, std::ceil(p * double(sorted.size()))));
  return microseconds(sorted[rank - 1]);
}

/// The largest resident set of this process so far.
size_t peak_rss_kb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return size_t(usage.ru_maxrss) / 1024;
#else
  return size_t(usage.ru_maxrss);
#endif
}

/// How many runs fit into the budget, judged by one.
size_t runs_in_budget(Clock::duration one) {
  return std::clamp(size_t(kBudget / std::max(one, Clock::duration(1))), kMinRuns, kMaxRuns);
}

Result<Exit> run(const Options& o) {
  const auto opened = Clock::now();
  SMELT_ASSIGN(const Program program, open_program(o.model));
  SMELT_ASSIGN(Method method, open_method(program, o.model));
  const auto load = Clock::now() - opened;
  warn(method, o.model);

  std::vector<std::string> notes;
  SMELT_ASSIGN(const Inputs inputs, make_inputs(method, o.model.model, o.inputs, notes));
  for (const auto& note : notes) fmt::print("{}\n", note);
  std::vector<Value> outputs(method.outputs().size());

  auto last = Clock::duration(0);
  for (size_t i = 0; i < std::max<size_t>(o.warmup, o.runs == 0 ? 2 : 0); ++i) {
    const auto start = Clock::now();
    SMELT_TRY(method.run(inputs.values, outputs));
    last = Clock::now() - start;
  }
  const size_t runs = o.runs != 0 ? o.runs : runs_in_budget(last);

  std::vector<Clock::duration> times(runs);  // written once already: no page faults while measuring
  {
    Progress progress("bench");
    smelt_mark_begin();
    for (size_t i = 0; i < runs; ++i) {
      const auto start = Clock::now();
      const Status ok = method.run(inputs.values, outputs);
      times[i] = Clock::now() - start;
      if (!ok) return tl::unexpected(ok.error());
      progress.update(double(i + 1) / double(runs));
    }
    smelt_mark_end();
  }
  std::sort(times.begin(), times.end());
  const double min = microseconds(times.front()), p50 = percentile(times, 0.5),
               p90 = percentile(times, 0.9);
  const size_t peak = peak_rss_kb();
  fmt::print("runs {}  min {:.2f} us  p50 {:.2f} us  p90 {:.2f} us\n", runs, min, p50, p90);
  fmt::print("load {:.0f} us  peak memory {} KiB\n", microseconds(load), peak);
  Profile profile;  // of further runs: recording would add to the times above
  Roofs roofs;
  std::vector<StepTime> steps;
  if (o.profile) {
    SMELT_TRY(method.start_profile());
    Progress progress("profile");
    for (size_t i = 0; i < runs; ++i) {
      SMELT_TRY(method.run(inputs.values, outputs));
      progress.update(double(i + 1) / double(runs));
    }
    profile = method.stop_profile();
    roofs = measure_roofs(profile);
    steps = step_times(profile, roofs);
    print_times(profile, steps);
  }
  if (!o.json.empty()) {
    nlohmann::ordered_json j;
    j["program"] = o.model.model.string();
    j["method"] = method.info().name;
    j["version"] = version();
    j["cpu"] = cpu_tiers();
    j["runs"] = runs;
    j["warmup"] = o.warmup;
    j["threads"] = o.model.threads != 0 ? o.model.threads : default_workers().count();
    j["min_us"] = min;
    j["p50_us"] = p50;
    j["p90_us"] = p90;
    j["load_us"] = microseconds(load);
    j["peak_rss_kb"] = peak;
    if (o.profile) j.update(to_json(profile, roofs, steps));
    SMELT_TRY(write_json(o.json, j));
  }
  return Exit::kOk;
}

}  // namespace

Verb add_bench(CLI::App& app) {
  auto* c =
      app.add_subcommand("bench", "Measure a program: time per inference, load time, peak memory");
  auto o = std::make_shared<Options>();
  o->model.add_model(*c);
  o->model.add_method(*c);
  o->inputs.add(*c);
  add_number(*c, "--runs", o->runs, 1, kMostRuns,
             "Measured runs; default: as many as fit into a second, 10 to 10000");
  add_number(*c, "--warmup", o->warmup, 0, kMostRuns, "Runs before measuring; default 3");
  o->model.add_threads(*c);
  o->model.add_quiet(*c);
  c->add_flag("--profile", o->profile,
              "Then as many runs again, for a table of nodes (see smelt profile)");
  add_output_file(*c, "--json", o->json, "Write the numbers there");
  c->footer(R"(
Load time is from opening the file until the method is ready: mapping, checking, packing weights, planning.
The measured runs lie between calls of smelt_mark_begin and smelt_mark_end, for instruction counters.

Examples:
  smelt bench model.pte
  smelt bench model.pte --threads 1 --runs 1000 --json model.json)");
  return {c, [o] { return run(*o); }, {&o->json}};
}

}  // namespace smelt::cli
