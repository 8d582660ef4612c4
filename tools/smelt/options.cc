#include "options.h"

#include <algorithm>
#include <charconv>

#include <fmt/ranges.h>

#include "base/status.h"

namespace smelt::cli {

std::optional<uint64_t> parse_whole(const std::string& text, uint64_t least, uint64_t most) {
  uint64_t n = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, n);
  if (error != std::errc() || stopped != end || n < least || n > most) return std::nullopt;
  return n;
}

std::function<std::string(const std::string&)> whole_number(uint64_t least, uint64_t most) {
  return [=](const std::string& text) {
    if (parse_whole(text, least, most)) return std::string();
    return fmt::format("\"{}\" is not a whole number from {} to {}", text, least, most);
  };
}

std::string not_empty(const std::string& text) { return text.empty() ? "is empty" : ""; }

void ModelOptions::add_model(CLI::App& app) {
  app.add_option("MODEL", model, "The program: a .pte file, or a bundled program (.bpte)")->required();
  app.add_option("--data", data, "External data (.ptd); may be repeated, searched in order")
      ->type_name("F.ptd")
      ->check(not_empty)
      ->allow_extra_args(false);
}

void ModelOptions::add_method(CLI::App& app) {
  app.add_option("--method", method, "Method to run; default: forward, or the only one there is")
      ->type_name("NAME")
      ->check(not_empty);
}

void ModelOptions::add_threads(CLI::App& app) {
  add_number(app, "--threads", threads, 1, kMaxThreads,
             "Threads that compute; default: what smelt cpu says");
}

void ModelOptions::add_quiet(CLI::App& app) {
  app.add_flag("--no-warnings", quiet,
               "Do not say what makes the program slower than it has to be");
}

void ModelOptions::add_cpu(CLI::App& app) {
  app.add_option("--cpu", cpu,
                 "Plan for this CPU instead of the one at hand (see smelt cpu --list)")
      ->type_name("NAME")
      ->check(not_empty);
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
    return fail(ErrorCode::kInvalidArgument, "{} has no method \"{}\"; it has: {}{}",
                o.model.string(), method, fmt::join(names, ", "),
                o.method.empty() ? " (choose one with --method)" : "");
  }
  return program.method(method);
}

}  // namespace smelt::cli
