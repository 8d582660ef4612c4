// smelt run: one program, once or a few times, on inputs from files.
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "array.h"
#include "base/status.h"
#include "elements.h"
#include "inputs.h"
#include "options.h"
#include "platform/file.h"
#include "verbs.h"
#include "warnings.h"

namespace smelt::cli {
namespace {

struct Options {
  ModelOptions model;
  InputOptions inputs;
  std::filesystem::path output_dir;
  size_t runs = 1;
  bool force = false;
};

/// "min -1.2  max 3.4  mean 0.1  first 0.5 0.25 …": the statistics are over what is not NaN.
std::string summary(const Array& a) {
  constexpr size_t kFirst = 6;
  const size_t n = a.shape.numel() * parts(a.dtype);
  if (n == 0) return "empty";
  double low = INFINITY, high = -INFINITY, sum = 0;
  size_t nans = 0;
  std::string first;
  with_element_type(a.dtype, [&]<class T> {
    for (size_t i = 0; i < n; ++i) {
      const auto e = load_element<T>(a.bytes.data(), i);
      if (i < kFirst) first += fmt::format(" {:.6g}", double(e));
      if (std::isnan(double(e))) {
        ++nans;
        continue;
      }
      low = std::fmin(low, double(e)), high = std::fmax(high, double(e)), sum += double(e);
    }
  });
  if (n > kFirst) first += " …";
  std::string s = nans == n ? std::string()
                            : fmt::format("min {:.6g}  max {:.6g}  mean {:.6g}  ", low, high,
                                          sum / double(n - nans));
  if (nans != 0) s += fmt::format("NaN {}  ", nans);
  return s + "first" + first;
}

std::filesystem::path output_path(const Options& o, size_t i) {
  return o.output_dir / fmt::format("out{}.npy", i);
}

/// Before anything is computed: the directory exists and nothing is in the way.
Status prepare_output(const Options& o, size_t outputs) {
  if (o.output_dir.empty()) return {};
  if (o.output_dir == "-") {
    return fail(ErrorCode::kInvalidArgument,
                "--output-dir -: outputs are files in a folder and do not go to standard output");
  }
  std::error_code error;
  std::filesystem::create_directories(o.output_dir, error);
  if (error) return fail(ErrorCode::kIo, "{}: {}", o.output_dir.string(), error.message());
  for (size_t i = 0; i < outputs; ++i) {
    const auto path = output_path(o, i);
    if (!o.force && std::filesystem::exists(path, error)) {
      return fail(ErrorCode::kInvalidArgument, "{} exists; --force overwrites it", path.string());
    }
    SMELT_TRY(check_writable(path, IfExists::kReplace));
  }
  return {};
}

Result<Exit> run(const Options& o) {
  SMELT_ASSIGN(const Program program, open_program(o.model));
  SMELT_ASSIGN(Method method, open_method(program, o.model));
  warn(method, o.model);
  std::vector<std::string> notes;
  SMELT_ASSIGN(const Inputs inputs, make_inputs(method, o.model.model, o.inputs, notes));
  SMELT_TRY(prepare_output(o, method.outputs().size()));
  for (const auto& note : notes) fmt::print("{}\n", note);

  std::vector<Value> outputs(method.outputs().size());
  for (size_t i = 0; i < o.runs; ++i) SMELT_TRY(method.run(inputs.values, outputs));
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (const auto* text = outputs[i].string()) {
      fmt::print("output {}: string \"{}\"\n", i, *text);
    } else if (outputs[i].is_none()) {
      fmt::print("output {}: none\n", i);
    } else {
      SMELT_ASSIGN(const Array array, to_array(outputs[i]));
      fmt::print("output {}: {}  {}\n", i, describe(array.dtype, array.shape), summary(array));
      if (!o.output_dir.empty()) SMELT_TRY(write_array(output_path(o, i), array));
    }
  }
  return Exit::kOk;
}

}  // namespace

Verb add_run(CLI::App& app) {
  auto* c = app.add_subcommand("run", "Run a program and show what comes out");
  auto o = std::make_shared<Options>();
  o->model.add_model(*c);
  o->model.add_method(*c);
  o->inputs.add(*c);
  c->add_option("--output-dir", o->output_dir, "Write out0.npy, out1.npy, … there")
      ->type_name("DIR")
      ->check(not_empty);
  c->add_flag("--force", o->force, "Overwrite files in the output directory");
  add_number(*c, "--runs", o->runs, 1, kMostRuns,
             "Run so often and show the last outputs; state is carried over; default 1");
  o->model.add_threads(*c);
  o->model.add_quiet(*c);
  add_number(*c, "--seed", o->inputs.seed, 0, UINT64_MAX, "Seed of inputs that are not given; default 0")
      ->type_name("S");
  c->footer(R"(
Examples:
  smelt run model.pte                                    random inputs
  smelt run model.pte --input image.npy --output-dir out
  smelt run decoder.pte --input token.npy --input int:3)");
  return {c, [o] { return run(*o); }};
}

}  // namespace smelt::cli
