#include "progress.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace smelt::cli {

using namespace std::chrono_literals;

Progress::Progress(std::string label)
    : label_(std::move(label)), enabled_(isatty(STDERR_FILENO) != 0), next_(Clock::now() + 1s) {}

Progress::~Progress() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void Progress::update(double fraction) {
  constexpr size_t kWidth = 40;
  if (!enabled_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + 100ms;
  drawn_ = true;
  const double done = std::clamp(fraction, 0.0, 1.0);
  fmt::print(stderr, "\r{} [{:<{}}] {:3.0f}%", label_, std::string(size_t(done * kWidth), '#'),
             kWidth, done * 100);
  std::fflush(stderr);
}

}  // namespace smelt::cli
