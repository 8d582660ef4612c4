// Records how long things take. Who records holds a pointer to a Profiler, null when nobody wants
// to know: that check is all that profiling costs while it is off.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "platform/threads.h"
#include "smelt/profile.hpp"

namespace smelt {

/// Used by one thread at a time. Recording writes one fixed record and allocates nothing.
class Profiler {
 public:
  /// When something began, and what the other workers had done by then.
  struct Start {
    uint64_t ns = 0;
    int64_t helped = 0;
  };

  /// Room for `capacity` records: what comes later is counted and dropped. The pool is that of the
  /// thread that records; it outlives the profiler, or is null where nothing runs in parallel.
  explicit Profiler(size_t capacity, ThreadPool* pool = nullptr) : times_(capacity), pool_(pool) {
    if (pool_ != nullptr) pool_->measure(true);
  }
  ~Profiler() {
    if (pool_ != nullptr) pool_->measure(false);
  }
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  static uint64_t now() noexcept {
    return uint64_t(
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
  }
  Start start() const noexcept { return {now(), helped()}; }
  /// What `profiler` gives; nothing, at no cost, where it is null.
  static Start start(const Profiler* profiler) noexcept {
    return profiler == nullptr ? Start() : profiler->start();
  }

  /// Something that began at `begin` ended now.
  void record(uint32_t zone, const Start& begin) noexcept {
    if (used_ == times_.size()) {
      ++dropped_;
      return;
    }
    const uint64_t end = now();
    const int64_t busy = int64_t(end - begin.ns) + helped() - begin.helped;
    times_[used_++] = {zone, begin.ns, end, busy > 0 ? uint64_t(busy) : 0};
  }

  /// All records, in the order in which they ended.
  std::vector<ZoneTime> take() {
    times_.resize(used_);
    used_ = 0;
    return std::move(times_);
  }
  uint64_t dropped() const { return dropped_; }

 private:
  int64_t helped() const noexcept { return pool_ == nullptr ? 0 : pool_->helped_ns(); }

  std::vector<ZoneTime> times_;
  ThreadPool* pool_;
  size_t used_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace smelt
