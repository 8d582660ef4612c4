// What the verbs that run programs have in common: the model, its data, and how it is opened.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "smelt/smelt.hpp"

namespace smelt::cli {

struct ModelOptions {
  std::filesystem::path model;
  std::string method;  ///< empty: "forward", or the only one there is
  std::vector<std::filesystem::path> data;
  unsigned threads = 0;
  std::string cpu;     ///< a described one to plan for; empty: this machine
  bool quiet = false;  ///< no warnings about what is slower than it has to be

  void add_model(CLI::App&);
  void add_method(CLI::App&);
  void add_threads(CLI::App&);
  void add_cpu(CLI::App&);
  void add_quiet(CLI::App&);
};

Result<Program> open_program(const ModelOptions&);
/// The method that the options name; kInvalidArgument, with those that exist, where there is none.
Result<Method> open_method(const Program&, const ModelOptions&);

}  // namespace smelt::cli
