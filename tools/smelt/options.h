// What the verbs that run programs have in common: the model, its data, and how it is opened.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <CLI/CLI.hpp>

#include "smelt/smelt.hpp"

namespace smelt::cli {

// Bounds that no use comes near, and beyond which memory or threads would run out in silence.
inline constexpr uint64_t kMostRuns = 10'000'000, kMostJobs = 1024;

/// The whole number that the text is, in decimal digits and nothing else, if it lies between
/// `least` and `most`, both included.
std::optional<uint64_t> parse_whole(const std::string& text, uint64_t least, uint64_t most);

/// A check for options that take such a number: its message names value and range.
std::function<std::string(const std::string&)> whole_number(uint64_t least, uint64_t most);

/// Declares an option that takes such a number.
template <class T>
CLI::Option* add_number(CLI::App& app, const char* option, T& value, uint64_t least, uint64_t most,
                        const char* about) {
  static_assert(std::is_unsigned_v<T>);
  const auto take = [&value](const std::string& text) {
    value = T(*parse_whole(text, 0, std::numeric_limits<T>::max()));
  };
  return app.add_option_function<std::string>(option, take, about)
      ->type_name("N")
      ->check(whole_number(least, std::min<uint64_t>(most, std::numeric_limits<T>::max())));
}

/// A check for options that take a name or a path: "" is an oversight, mostly of a shell variable
/// that is not set, and does not mean the default.
std::string not_empty(const std::string& text);

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
