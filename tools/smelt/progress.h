// A progress bar on stderr, if a person is there to see it.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace smelt::cli {

/// Draws at most ten times a second, nothing during the first second, and nothing at all unless
/// stderr is a terminal.
class Progress {
 public:
  explicit Progress(std::string label);
  /// Removes the bar.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  bool enabled() const { return enabled_; }
  /// `fraction` of the work is done, in [0, 1].
  void update(double fraction);

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_;
  bool enabled_, drawn_ = false;
  Clock::time_point next_;
};

}  // namespace smelt::cli
