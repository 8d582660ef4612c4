// What this machine can do at this moment on one thread: the yardstick for kernels. Zero where it
// is not known.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace smelt {

/// Runs f, which does `work` units, often enough to see it undisturbed; units per second.
template <class F>
double best_rate(double work, F f) {
  using Clock = std::chrono::steady_clock;
  double best = 0;
  for (int repeat = 0; repeat < 25; ++repeat) {
    const auto begin = Clock::now();
    f();
    const std::chrono::duration<double> time = Clock::now() - begin;
    best = std::max(best, work / time.count());
  }
  return best;
}

#if defined(__x86_64__)

// Sixteen independent chains hide the latency; the empty assembly keeps the compiler from solving
// them.

__attribute__((target("avx512f"))) inline void multiply_add_avx512(long times) {
  __m512 sum[16];
  for (int j = 0; j < 16; ++j) sum[j] = _mm512_set1_ps(float(j));
  const __m512 x = _mm512_set1_ps(1.0000001f), y = _mm512_set1_ps(1e-9f);
  for (long i = 0; i < times; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < 16; ++j) {
      sum[j] = _mm512_fmadd_ps(sum[j], x, y);
      asm volatile("" : "+v"(sum[j]));
    }
  }
}

__attribute__((target("avx2,fma"))) inline void multiply_add_avx2(long times) {
  __m256 sum[12];
  for (int j = 0; j < 12; ++j) sum[j] = _mm256_set1_ps(float(j));
  const __m256 x = _mm256_set1_ps(1.0000001f), y = _mm256_set1_ps(1e-9f);
  for (long i = 0; i < times; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < 12; ++j) {
      sum[j] = _mm256_fmadd_ps(sum[j], x, y);
      asm volatile("" : "+x"(sum[j]));
    }
  }
}

__attribute__((target("avx512f,avx512vnni"))) inline void dot_bytes_avx512vnni(long times) {
  __m512i sum[16];
  for (int j = 0; j < 16; ++j) sum[j] = _mm512_set1_epi32(j);
  const __m512i x = _mm512_set1_epi8(3), y = _mm512_set1_epi8(5);
  for (long i = 0; i < times; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < 16; ++j) {
      sum[j] = _mm512_dpbusd_epi32(sum[j], x, y);
      asm volatile("" : "+v"(sum[j]));
    }
  }
}

inline double peak_f32_flops_per_second() {
  constexpr long kTimes = 20000;
  if (__builtin_cpu_supports("avx512f"))
    return best_rate(kTimes * 16.0 * 32, [] { multiply_add_avx512(kTimes); });
  if (__builtin_cpu_supports("fma"))
    return best_rate(kTimes * 12.0 * 16, [] { multiply_add_avx2(kTimes); });
  return 0;
}

inline double peak_int8_ops_per_second() {
  constexpr long kTimes = 20000;
  if (!__builtin_cpu_supports("avx512vnni")) return 0;
  return best_rate(kTimes * 16.0 * 128, [] { dot_bytes_avx512vnni(kTimes); });
}

#else

inline double peak_f32_flops_per_second() { return 0; }
inline double peak_int8_ops_per_second() { return 0; }

#endif

using Vector = uint64_t __attribute__((vector_size(64)));

#if defined(__x86_64__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
inline void
read_memory(const Vector* p, size_t count, size_t times) {
  Vector sum[4] = {};
  for (size_t r = 0; r < times; ++r) {
    for (size_t i = 0; i + 4 <= count; i += 4)
      for (size_t j = 0; j < 4; ++j) sum[j] ^= p[i + j];
    asm volatile("" : : : "memory");
  }
  asm volatile("" : : "m"(sum));
}

/// Reads memory, which is aligned to 64 bytes, over and over: the bandwidth of the cache that it
/// fits.
inline double peak_bytes_per_second(std::span<const std::byte> memory) {
  const size_t count = memory.size() / 256 * 4, times = (size_t(8) << 20) / memory.size() + 1;
  return best_rate(double(count * 64 * times), [&] {
    read_memory(reinterpret_cast<const Vector*>(memory.data()), count, times);
  });
}

}  // namespace smelt
