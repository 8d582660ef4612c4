// smelt check: every program of a manifest gives the outputs that were recorded for it.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <regex>
#include <thread>

#include <fmt/format.h>

#include "base/status.h"
#include "bundle.h"
#include "inputs.h"
#include "json_file.h"
#include "manifest.h"
#include "options.h"
#include "output_files.h"
#include "progress.h"
#include "verbs.h"

namespace smelt::cli {
namespace {

struct Options {
  std::filesystem::path manifest;
  std::string group, filter, exclude;
  uint64_t max_bytes = 0;            ///< 0: no limit
  std::optional<double> atol, rtol;  ///< of a bundled program, which has none of its own
  std::filesystem::path json;
  unsigned jobs = 1, threads = 0;
};

// Bundled programs record what eager mode gave, not how near one has to come. Sums in another order
// stay below this by a factor of ten or more; half precision and quantised models may need more.
constexpr Tolerance kBundleTolerance = {.atol = 1e-4, .rtol = 1e-3};

struct Outcome {
  bool passed = false;
  std::string message;   ///< why it failed
  double max_error = 0;  ///< over all outputs that could be compared
};

Status select(std::vector<ManifestEntry>& entries, const Options& o,
              std::vector<std::string>& skipped) {
  const auto compile = [](const std::string& text, const char* option) -> Result<std::regex> {
    try {
      return std::regex(text);
    } catch (const std::regex_error& e) {
      return fail(ErrorCode::kInvalidArgument, "{} {}: {}", option, text, e.what());
    }
  };
  SMELT_ASSIGN(const std::regex filter, compile(o.filter, "--filter"));
  SMELT_ASSIGN(const std::regex exclude, compile(o.exclude, "--exclude"));
  std::error_code error;
  std::erase_if(entries, [&](const ManifestEntry& e) {
    const bool out =
        (!o.group.empty() && e.group != o.group) || !std::regex_search(e.name, filter) ||
        (!o.exclude.empty() && std::regex_search(e.name, exclude)) ||
        (o.max_bytes != 0 && std::filesystem::file_size(e.program, error) > o.max_bytes);
    if (out) skipped.push_back(e.name);
    return out;
  });
  return {};
}

/// The filters that are in force, as they were given.
std::string describe_filters(const Options& o) {
  std::string s;
  if (!o.group.empty()) s += fmt::format(" --group {}", o.group);
  if (!o.filter.empty()) s += fmt::format(" --filter {}", o.filter);
  if (!o.exclude.empty()) s += fmt::format(" --exclude {}", o.exclude);
  if (o.max_bytes != 0) s += fmt::format(" --max-bytes {}", o.max_bytes);
  return s;
}

Result<Inputs> read_inputs(const Method& method, const ManifestEntry::Step& step) {
  const auto infos = method.inputs();
  if (infos.size() != step.inputs.size()) {
    return fail(ErrorCode::kInvalidArgument, "the method has {} inputs, the manifest {}",
                infos.size(), step.inputs.size());
  }
  Inputs inputs;
  for (size_t i = 0; i < infos.size(); ++i) {
    SMELT_ASSIGN(const Array array, read_tensor(step.inputs[i]));
    SMELT_TRY(inputs.add(infos[i], array, fmt::format("input {}", i)));
  }
  return inputs;
}

Status check_output(const Value& value, const ManifestTensor& recorded, Tolerance tolerance,
                    double& max_error) {
  SMELT_ASSIGN(const Array expected, read_tensor(recorded));
  SMELT_ASSIGN(const Array ours, to_array(value));
  if (ours.dtype != expected.dtype || ours.shape != expected.shape) {
    return fail(ErrorCode::kInvalidArgument, "expected {}, got {}",
                describe(expected.dtype, expected.shape), describe(ours.dtype, ours.shape));
  }
  const Comparison c = compare(ours, expected, tolerance);
  max_error = std::max(max_error, c.max_error);
  if (c.wrong != 0) return fail(ErrorCode::kInvalidArgument, "{}", describe(c, expected.shape));
  return {};
}

Status check_step(Method& method, const ManifestEntry::Step& step, Tolerance tolerance,
                  double& max_error) {
  SMELT_ASSIGN(const Inputs inputs, read_inputs(method, step));
  if (step.recorded && method.outputs().size() != step.outputs.size()) {
    return fail(ErrorCode::kInvalidArgument, "the method has {} outputs, the manifest {}",
                method.outputs().size(), step.outputs.size());
  }
  std::vector<Value> outputs(method.outputs().size());
  SMELT_TRY(method.run(inputs.values, outputs));
  for (size_t i = 0; i < step.outputs.size(); ++i) {
    if (auto ok = check_output(outputs[i], step.outputs[i], tolerance, max_error); !ok) {
      return prefixed(ok.error(), fmt::format("output {}", i));
    }
  }
  return {};
}

/// Whether the kernels that explain() named before anything ran are those that ran, wherever the
/// shapes are the same.
Status check_kernels(std::span<const StepInfo> named, std::span<const StepInfo> ran) {
  if (named.size() != ran.size()) {
    return fail(ErrorCode::kInvalidArgument, "{} nodes were explained, {} ran", named.size(),
                ran.size());
  }
  for (size_t i = 0; i < ran.size(); ++i) {
    const StepInfo &a = named[i], &b = ran[i];
    if (a.shapes == b.shapes &&
        (a.kernel != b.kernel || a.unit != b.unit || a.removed != b.removed)) {
      return fail(ErrorCode::kInvalidArgument, "{}: explained as {} ({}), but {} ({}) ran", b.name,
                  a.kernel, name(a.unit), b.kernel, name(b.unit));
    }
    if (!b.removed && b.kernel.empty())
      return fail(ErrorCode::kInvalidArgument, "{}: no kernel is named", b.name);
    if (b.reason.empty())
      return fail(ErrorCode::kInvalidArgument, "{}: no reason is given", b.name);
  }
  return {};
}

/// A method, and what explain() said of it before it ran.
struct CheckedMethod {
  Method method;
  std::vector<StepInfo> named;
  bool ran = false;
};

/// Stops at the first output that is wrong: in a stateful program all later ones would be, too.
/// Stateful programs run twice: after a reset the same has to come out again.
Status check_steps(const ManifestEntry& e, unsigned threads, double& max_error) {
  SMELT_ASSIGN(
      const Program program,
      Program::load(e.program, {.threads = threads, .isa = {}, .external_data = e.external_data}));
  std::map<std::string, CheckedMethod> methods;
  for (const ManifestEntry::Step& step : e.steps) {
    if (methods.contains(step.method)) continue;
    SMELT_ASSIGN(Method method, program.method(step.method));
    std::vector<StepInfo> named = method.explain();
    methods.emplace(step.method, CheckedMethod{std::move(method), std::move(named)});
  }
  for (size_t i = 0, n = e.steps.size(); i < (e.stateful ? 2 * n : n); ++i) {
    if (i == n || (i != 0 && !e.stateful)) {
      for (auto& [name, loaded] : methods) loaded.method.reset();
    }
    const ManifestEntry::Step& step = e.steps[i % n];
    CheckedMethod& loaded = methods.at(step.method);
    if (auto ok = check_step(loaded.method, step, e.tolerance, max_error); !ok) {
      return prefixed(ok.error(), fmt::format("step {}{}", i % n, i < n ? "" : " after a reset"));
    }
    if (!loaded.ran) SMELT_TRY(check_kernels(loaded.named, loaded.method.explain()));
    loaded.ran = true;
  }
  return {};
}

Outcome check_entry(const ManifestEntry& e, unsigned threads) {
  Outcome outcome;
  try {
    const Status ok = check_steps(e, threads, outcome.max_error);
    outcome.passed = ok.has_value();
    if (!ok) outcome.message = ok.error().message;
  } catch (const std::exception& error) {  // on a thread of its own nobody else would catch it
    outcome.message = error.what();
  }
  return outcome;
}

/// Runs all entries on `jobs` threads and prints failures in the order of the manifest.
std::vector<Outcome> check_all(const std::vector<ManifestEntry>& entries, unsigned jobs,
                               unsigned threads) {
  std::vector<std::optional<Outcome>> done(entries.size());
  std::atomic<size_t> next = 0;
  std::mutex mutex;  // guards `done`, `printed`, `finished`, `progress` and stdout
  size_t printed = 0, finished = 0;
  Progress progress("check");
  const auto work = [&] {
    for (size_t i; (i = next.fetch_add(1)) < entries.size();) {
      Outcome outcome = check_entry(entries[i], threads);
      const std::lock_guard lock(mutex);
      done[i] = std::move(outcome);
      for (; printed < done.size() && done[printed]; ++printed) {
        if (!done[printed]->passed)
          // No exception on a thread of its own: main finds out whether the text was lost.
          std::fputs(
              fmt::format("FAIL {}: {}\n", entries[printed].name, done[printed]->message).c_str(),
              stdout);
      }
      std::fflush(stdout);
      progress.update(double(++finished) / double(entries.size()));
    }
  };
  {
    std::vector<std::jthread> workers;
    for (unsigned i = 1; i < jobs; ++i) workers.emplace_back(work);
    work();
  }
  std::vector<Outcome> outcomes;
  for (auto& outcome : done) outcomes.push_back(*std::move(outcome));
  return outcomes;
}

nlohmann::ordered_json report(const std::vector<ManifestEntry>& entries,
                              const std::vector<Outcome>& outcomes,
                              const std::vector<std::string>& skipped, size_t passed) {
  nlohmann::ordered_json j;
  j["passed"] = passed;
  j["failed"] = entries.size() - passed;
  j["skipped"] = skipped.size();
  j["entries"] = nlohmann::ordered_json::array();
  for (size_t i = 0; i < entries.size(); ++i) {
    auto& e = j["entries"].emplace_back();
    e["name"] = entries[i].name;
    e["passed"] = outcomes[i].passed;
    e["max_error"] = outcomes[i].max_error;
    if (!outcomes[i].passed) e["message"] = outcomes[i].message;
  }
  j["skipped_entries"] = skipped;
  return j;
}

/// The entries of a manifest, or the test cases of a bundled program.
Result<std::vector<ManifestEntry>> read_entries(const Options& o) {
  if (is_bundle(o.manifest)) {
    Tolerance tolerance = kBundleTolerance;
    if (o.atol) tolerance.atol = *o.atol;
    if (o.rtol) tolerance.rtol = *o.rtol;
    SMELT_ASSIGN(auto entries, read_bundle(o.manifest, tolerance));
    if (entries.empty())
      return fail(ErrorCode::kInvalidFile, "{}: has no test cases", o.manifest.string());
    return entries;
  }
  if (o.atol || o.rtol) {
    return fail(ErrorCode::kInvalidArgument,
                "--atol and --rtol are for bundled programs; a manifest has its own");
  }
  return read_manifest(o.manifest);
}

Result<Exit> run(const Options& o) {
  SMELT_ASSIGN(auto entries, read_entries(o));
  std::vector<std::string> skipped;
  SMELT_TRY(select(entries, o, skipped));
  if (entries.empty()) {
    return fail(ErrorCode::kInvalidArgument, "{}: no program to check{}", o.manifest.string(),
                skipped.empty() ? std::string()
                                : fmt::format(": all {} are left out by{}", skipped.size(),
                                              describe_filters(o)));
  }
  for (const ManifestEntry& e : entries) SMELT_TRY(check_files(o.manifest, e));

  const unsigned threads = o.threads == 0 && o.jobs > 1 ? 1 : o.threads;
  const auto outcomes = check_all(entries, o.jobs, threads);
  const auto passed = size_t(std::ranges::count(outcomes, true, &Outcome::passed));
  const auto unknown = std::ranges::count_if(
      entries, [](const ManifestEntry& e) { return !e.steps.empty() && !e.steps[0].recorded; });
  if (unknown != 0)
    fmt::print("test cases without recorded outputs, of which nothing is compared: {}\n", unknown);
  if (!skipped.empty())
    fmt::print("{} programs skipped by{}\n", skipped.size(), describe_filters(o));
  fmt::print("{} passed, {} failed, {} skipped\n", passed, entries.size() - passed, skipped.size());
  if (!o.json.empty()) SMELT_TRY(write_json(o.json, report(entries, outcomes, skipped, passed)));
  return passed == entries.size() ? Exit::kOk : Exit::kWrongResult;
}

}  // namespace

Verb add_check(CLI::App& app) {
  auto* c = app.add_subcommand("check",
                               "Run the programs of a manifest and compare with recorded outputs");
  auto o = std::make_shared<Options>();
  c->add_option("MANIFEST", o->manifest,
                "A manifest (.json), or a bundled program with test cases (.bpte)")
      ->required();
  c->add_option("--atol", o->atol, "Bundled program: absolute error allowed; default 1e-4")
      ->type_name("X")
      ->check(CLI::NonNegativeNumber);
  c->add_option("--rtol", o->rtol, "Bundled program: relative error allowed; default 1e-3")
      ->type_name("X")
      ->check(CLI::NonNegativeNumber);
  c->add_option("--group", o->group, "Only this group")->type_name("G");
  c->add_option("--filter", o->filter, "Only names in which this is found")->type_name("REGEX");
  c->add_option("--exclude", o->exclude, "No names in which this is found")->type_name("REGEX");
  add_number(*c, "--max-bytes", o->max_bytes, 1, UINT64_MAX, "Only programs of at most N bytes");
  add_number(*c, "--jobs", o->jobs, 1, kMostJobs, "Programs that run at a time; default 1");
  add_number(*c, "--threads", o->threads, 1, kMaxThreads,
             "Threads that compute, per program; default: see smelt cpu, but 1 with several jobs");
  add_output_file(*c, "--json", o->json, "Write all results there");
  c->footer(R"(
An output passes if type and shape are those recorded and |ours - expected| <= atol + rtol x |expected| everywhere; NaN
equals NaN. Programs with a state run twice, with a reset between. The kernels that smelt explain names have to be those
that run. Exit code 1 if any program fails. The last line is "N passed, N failed, N skipped". Of a bundled program each
test case counts as a program, with the method's name and a number as its name, and the method as its group.

Examples:
  smelt check corpus/manifest.json --jobs 4
  smelt check model.bpte --rtol 0.01
  smelt check corpus/manifest.json --group models --filter llama --json report.json)");
  return {c, [o] { return run(*o); }, {&o->json}};
}

}  // namespace smelt::cli
