#include "options.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "base/status.h"

namespace smelt::cli {

void ModelOptions::add_model(CLI::App& app) {
  app.add_option("MODEL", model, "The program: a .pte file")->required();
  app.add_option("--data", data, "External data (.ptd); may be repeated, searched in order")
      ->type_name("F.ptd")
      ->allow_extra_args(false);
}

void ModelOptions::add_method(CLI::App& app) {
  app.add_option("--method", method, "Method to run; default: forward, or the only one there is")
      ->type_name("NAME");
}

void ModelOptions::add_threads(CLI::App& app) {
  app.add_option("--threads", threads, "Threads that compute; default: one per core")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
}

void ModelOptions::add_quiet(CLI::App& app) {
  app.add_flag("--no-warnings", quiet,
               "Do not say what makes the program slower than it has to be");
}

void ModelOptions::add_cpu(CLI::App& app) {
  app.add_option("--cpu", cpu,
                 "Plan for this CPU instead of the one at hand (see smelt cpu --list)")
      ->type_name("NAME");
}

Result<Program> open_program(const ModelOptions& o) {
  return Program::load(o.model,
                       {.threads = o.threads, .isa = {}, .external_data = o.data, .cpu = o.cpu});
}

Result<Method> open_method(const Program& program, const ModelOptions& o) {
  const auto names = program.method_names();
  std::string method = o.method;
  if (method.empty()) method = names.size() == 1 ? names.front() : "forward";
  if (std::find(names.begin(), names.end(), method) == names.end()) {
    return fail(ErrorCode::kInvalidArgument, "{} has no method \"{}\"; it has: {}",
                o.model.string(), method, fmt::join(names, ", "));
  }
  return program.method(method);
}

}  // namespace smelt::cli
