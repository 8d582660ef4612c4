// The verbs of the CLI. Each lives in a file of its own name and is listed once in main.cc.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include <CLI/CLI.hpp>

#include "smelt/types.hpp"

namespace smelt::cli {

/// What a process tells its caller; documented in the footer of `smelt --help`.
enum class Exit : int {
  kOk = 0,
  kWrongResult = 1,  ///< everything ran, and a comparison failed
  kUsage = 2,        ///< options, arguments, inputs that do not fit the program
  kBadFile = 3,      ///< missing, unreadable, truncated or corrupt
  kUnsupported = 4,  ///< sound, but more than Smelt or this machine can do
  /// Nobody reads standard output any more. What a shell says of a program that SIGPIPE ended,
  /// which is what happens where that signal is not ignored.
  kClosedPipe = 141,
};

/// A subcommand, and what it does once the command line has been parsed. `run` gives the exit code
/// of a job that was done; an error is printed by main as `smelt: <message>` and becomes the exit
/// code of its class. `outputs` are the files that it writes: main makes sure of them before it
/// calls `run`.
struct Verb {
  CLI::App* command;
  std::function<Result<Exit>()> run;
  std::vector<std::filesystem::path*> outputs = {};
};

// Each declares its subcommand on the app: add_run is `smelt run`.
Verb add_bench(CLI::App&);
Verb add_check(CLI::App&);
Verb add_compare(CLI::App&);
Verb add_cpu(CLI::App&);
Verb add_explain(CLI::App&);
Verb add_info(CLI::App&);
Verb add_kernels(CLI::App&);
Verb add_make(CLI::App&);
Verb add_profile(CLI::App&);
Verb add_run(CLI::App&);

}  // namespace smelt::cli
