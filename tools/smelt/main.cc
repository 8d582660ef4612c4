// The command line: finds the verb, runs it, and turns what went wrong into a message and an exit
// code.
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "printable.h"
#include "smelt/smelt.hpp"
#include "verbs.h"

namespace smelt::cli {
namespace {

// Every verb, in the order in which --help lists them.
std::vector<Verb> add_verbs(CLI::App& app) {
  return {add_run(app),     add_info(app),  add_explain(app), add_profile(app), add_bench(app),
          add_compare(app), add_check(app), add_make(app),    add_cpu(app),     add_kernels(app)};
}

constexpr const char* kFooter = R"(
Exit codes: 0 done; 1 a result was wrong; 2 wrong usage; 3 a missing or bad file; 4 not supported.
Environment: SMELT_ISA=avx2,… restricts the instruction sets that kernels are chosen from.)";

Exit exit_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return Exit::kUsage;
    case ErrorCode::kInvalidFile:
    case ErrorCode::kNotFound:
    case ErrorCode::kIo:
      return Exit::kBadFile;
    case ErrorCode::kUnsupported:
    case ErrorCode::kOutOfMemory:
      return Exit::kUnsupported;
  }
  return Exit::kUnsupported;
}

Exit complain(Exit code, std::string_view message) {
  std::fflush(stdout);
  fmt::print(stderr, "smelt: {}\n", printable(message));
  return code;
}

Exit run(int argc, char** argv) {
  CLI::App app("Runs ExecuTorch programs (.pte) on CPUs with matrix units.", "smelt");
  app.set_version_flag("--version", fmt::format("smelt {}", version()));
  app.set_help_all_flag("--help-all", "Print the help of every verb and exit");
  app.footer(kFooter);
  const std::vector<Verb> verbs = add_verbs(app);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help, --version: CLI11 prints them
    app.exit(e);
    return Exit::kOk;
  } catch (const CLI::ParseError& e) {
    return complain(Exit::kUsage, fmt::format("{} (see smelt --help)", e.what()));
  }
  for (const Verb& verb : verbs) {
    if (!verb.command->parsed()) continue;
    auto done = verb.run();
    return done ? *done : complain(exit_of(done.error().code), done.error().message);
  }
  return complain(Exit::kUsage, "no verb given: run, info, … (see smelt --help)");
}

}  // namespace
}  // namespace smelt::cli

int main(int argc, char** argv) {
  using namespace smelt::cli;
  try {
    return int(run(argc, argv));
  } catch (const std::bad_alloc&) {
    return int(complain(Exit::kUnsupported, "out of memory"));
  } catch (const std::exception& e) {
    return int(complain(Exit::kUnsupported, e.what()));
  }
}
