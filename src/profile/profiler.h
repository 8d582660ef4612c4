// Records how long things take. Who records holds a pointer to a Profiler, null when nobody wants to know: that check is all
// that profiling costs while it is off.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "smelt/profile.hpp"

namespace smelt {

/// Used by one thread at a time. Recording writes one fixed record and allocates nothing.
class Profiler {
 public:
  /// Room for `capacity` records: what comes later is counted and dropped.
  explicit Profiler(size_t capacity) : times_(capacity) {}

  static uint64_t now() noexcept {
    return uint64_t(std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
  }
  /// Something that began at `begin` ended now.
  void record(uint32_t zone, uint64_t begin) noexcept {
    if (used_ == times_.size()) {
      ++dropped_;
      return;
    }
    times_[used_++] = {zone, begin, now()};
  }

  /// All records, in the order in which they ended.
  std::vector<ZoneTime> take() {
    times_.resize(used_);
    used_ = 0;
    return std::move(times_);
  }
  uint64_t dropped() const { return dropped_; }

 private:
  std::vector<ZoneTime> times_;
  size_t used_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace smelt
