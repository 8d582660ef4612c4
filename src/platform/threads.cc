#include "platform/threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/checked.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace smelt {

namespace {

// Work of this field comes in bursts of microseconds, one burst per node. A worker that sleeps
// between bursts pays a futex wake (5 to 50 us) each time, so it spins first; about 20 us of
// spinning, then it parks.
constexpr int kSpins = 2000;

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // longer than `yield`, which is a no-op on most cores
#endif
}

// Blocks until `value` differs from `old`; returns the new value.
uint32_t await_change(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    const uint32_t now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

int64_t clock_ns() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

struct ThreadPool::Impl {
  using Body = FunctionRef<void(size_t, size_t, unsigned)>;

  // The job. Written by the caller before `epoch` is raised, read by workers after they have seen
  // it.
  const Body* body = nullptr;
  size_t n = 0, grain = 1;
  unsigned helpers = 0;   // workers 1 … helpers take part
  bool measured = false;  // written between jobs, like the job
  std::atomic<int64_t> helped{0};

  alignas(64) std::atomic<uint32_t> epoch{0};
  alignas(64) std::atomic<size_t> next{0};
  alignas(64) std::atomic<uint32_t> pending{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;

  void work(unsigned worker) {
    for (;;) {
      const size_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= n) return;
      (*body)(begin, std::min(begin + grain, n), worker);
    }
  }

  void loop(unsigned worker) {
    uint32_t seen = 0;
    for (;;) {
      // Every worker answers every epoch, also those that a job leaves out: the caller may not
      // change the job while one of them could still be about to read it.
      seen = await_change(epoch, seen);
      if (stop.load(std::memory_order_relaxed)) return;
      if (worker <= helpers) {
        const int64_t begin = measured ? clock_ns() : 0;
        work(worker);
        if (measured) helped.fetch_add(clock_ns() - begin, std::memory_order_relaxed);
      }
      if (pending.fetch_sub(1, std::memory_order_acq_rel) == 1) pending.notify_one();
    }
  }
};

ThreadPool::ThreadPool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::unique_ptr<ThreadPool> ThreadPool::create(unsigned workers) {
  if (workers == 0) workers = std::max(1u, std::thread::hardware_concurrency());
  auto impl = std::make_unique<Impl>();
  Impl* p = impl.get();
  std::unique_ptr<ThreadPool> pool(new ThreadPool(std::move(impl)));
  p->threads.reserve(workers - 1);
  for (unsigned w = 1; w < workers; ++w) p->threads.emplace_back([p, w] { p->loop(w); });
  return pool;
}

ThreadPool::~ThreadPool() {
  impl_->stop.store(true, std::memory_order_relaxed);
  impl_->epoch.fetch_add(1, std::memory_order_release);
  impl_->epoch.notify_all();
  for (std::thread& t : impl_->threads) t.join();
}

unsigned ThreadPool::workers() const noexcept { return unsigned(impl_->threads.size()) + 1; }

void ThreadPool::parallel_for(size_t n, size_t grain, Impl::Body f, unsigned max_workers) {
  if (n == 0) return;
  grain = std::max(grain, size_t(1));
  const size_t pieces = div_up(n, grain);
  const unsigned helpers =
      unsigned(std::min<size_t>({pieces, max_workers, workers()})) - (max_workers == 0 ? 0 : 1);
  if (helpers == 0 || max_workers <= 1) {
    for (size_t begin = 0; begin < n; begin += grain) f(begin, std::min(begin + grain, n), 0);
    return;
  }
  Impl& s = *impl_;
  s.body = &f;
  s.n = n;
  s.grain = grain;
  s.helpers = helpers;
  s.next.store(0, std::memory_order_relaxed);
  s.pending.store(uint32_t(s.threads.size()), std::memory_order_relaxed);
  s.epoch.fetch_add(1, std::memory_order_release);
  s.epoch.notify_all();
  s.work(0);
  const int64_t begin = s.measured ? clock_ns() : 0;
  for (uint32_t left = s.pending.load(std::memory_order_acquire); left != 0;
       left = await_change(s.pending, left)) {
  }
  if (s.measured) s.helped.fetch_sub(clock_ns() - begin, std::memory_order_relaxed);
}

void ThreadPool::measure(bool on) noexcept { impl_->measured = on; }

int64_t ThreadPool::helped_ns() const noexcept {
  return impl_->helped.load(std::memory_order_relaxed);
}

}  // namespace smelt
