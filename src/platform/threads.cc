#include "platform/threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/checked.h"
#include "platform/denormals.h"
#include "platform/workers.h"

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

  // The job. Written by the caller while the gate is shut and nobody is inside, read by workers
  // that have come in.
  const Body* body = nullptr;
  size_t n = 0, grain = 1;
  unsigned helpers = 0;   // workers 1 … helpers take part
  bool flush = false;     // how the caller treats denormal numbers
  bool measured = false;  // written between jobs, like the job
  std::atomic<int64_t> helped{0};

  alignas(64) std::atomic<uint32_t> epoch{0};
  alignas(64) std::atomic<size_t> next{0};
  // Twice the number of workers inside, plus one while more may come in. A job is done when it is
  // shut and empty: the caller does not wait for workers that have not woken up, whose share it has
  // done itself by then. (Where both run on one core, they would not before the caller slept.)
  alignas(64) std::atomic<uint32_t> gate{0};
  static constexpr uint32_t kOpen = 1, kInside = 2;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;

  void work(unsigned worker) {
    for (;;) {
      const size_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= n) return;
      (*body)(begin, std::min(begin + grain, n), worker);
    }
  }

  bool enter() {
    uint32_t now = gate.load(std::memory_order_relaxed);
    while ((now & kOpen) != 0)
      if (gate.compare_exchange_weak(now, now + kInside, std::memory_order_acquire,
                                     std::memory_order_relaxed))
        return true;
    return false;
  }

  void loop(unsigned worker) {
    uint32_t seen = 0;
    for (;;) {
      seen = await_change(epoch, seen);
      if (stop.load(std::memory_order_relaxed)) return;
      // It may be a later job than the epoch's by now, and come up once more: then nothing is left.
      if (!enter()) continue;
      if (worker <= helpers) {
        const FlushDenormals mode(flush);
        const int64_t begin = measured ? clock_ns() : 0;
        work(worker);
        if (measured) helped.fetch_add(clock_ns() - begin, std::memory_order_relaxed);
      }
      if (gate.fetch_sub(kInside, std::memory_order_release) == kInside) gate.notify_one();
    }
  }
};

ThreadPool::ThreadPool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::unique_ptr<ThreadPool> ThreadPool::create(unsigned workers) {
  if (workers == 0) workers = default_workers().count();
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
  s.flush = FlushDenormals::active();
  s.next.store(0, std::memory_order_relaxed);
  s.gate.store(Impl::kOpen, std::memory_order_release);
  s.epoch.fetch_add(1, std::memory_order_release);
  s.epoch.notify_all();
  s.work(0);
  const int64_t begin = s.measured ? clock_ns() : 0;
  for (uint32_t inside = s.gate.fetch_sub(Impl::kOpen, std::memory_order_acquire) - Impl::kOpen;
       inside != 0; inside = await_change(s.gate, inside)) {
  }
  if (s.measured) s.helped.fetch_sub(clock_ns() - begin, std::memory_order_relaxed);
}

void ThreadPool::measure(bool on) noexcept { impl_->measured = on; }

int64_t ThreadPool::helped_ns() const noexcept {
  return impl_->helped.load(std::memory_order_relaxed);
}

}  // namespace smelt
