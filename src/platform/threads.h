// A fixed set of workers and one way to use them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/function_ref.h"

namespace smelt {

/// Blocking parallel-for over dense worker numbers. Our own, because Debian ships pthreadpool only
/// as a shared library (the arm64 tools are static) and because kernels need dense worker numbers
/// and a cap on workers per call.
///
/// One caller at a time; f must not call parallel_for on the same pool. Calls allocate nothing and
/// cannot fail.
class ThreadPool {
 public:
  /// `workers` counts the calling thread: 1 means that everything runs inline. 0 means as many as
  /// default_workers() counts.
  static std::unique_ptr<ThreadPool> create(unsigned workers);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned workers() const noexcept;

  /// Calls f(begin, end, worker) until [0, n) is covered, in pieces of `grain` indices (the last
  /// may be shorter), on at most `max_workers` workers; worker < workers(), and no two concurrent
  /// calls have the same number. All treat denormal numbers as the caller does.
  void parallel_for(size_t n, size_t grain,
                    FunctionRef<void(size_t begin, size_t end, unsigned worker)> f,
                    unsigned max_workers = ~0u);

  /// From now on calls measure how long workers are busy: two readings of a clock per worker and
  /// call. Not while a call runs.
  void measure(bool on) noexcept;
  /// Nanoseconds that other workers have computed for the caller, less those that the caller has
  /// waited for them. Added to the wall time of a stretch of the calling thread, the difference
  /// over the stretch gives the time that all workers were busy.
  int64_t helped_ns() const noexcept;

 private:
  struct Impl;
  explicit ThreadPool(std::unique_ptr<Impl>);
  std::unique_ptr<Impl> impl_;
};

}  // namespace smelt
