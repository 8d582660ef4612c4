// What this machine can do at this moment on one thread: yardsticks for kernels. Zero where it is
// not known.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <time.h>

#include "platform/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace smelt {

/// Seconds of this thread that f takes: what others do on the same core in between does not count.
template <class F>
double seconds_of(F&& f) {
  const auto now = [] {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
  };
  const double begin = now();
  f();
  return now() - begin;
}

/// Something that this machine does as fast as it can: `run` does `work` units in about 0.2 ms.
struct Yardstick {
  double work = 0;
  std::function<void()> run;
};

/// How many times the yardstick's rate f reaches, which does `work` units. Both take turns, so that
/// they see the same clock and the same neighbours, and the median says what is usual.
template <class F>
double share_of(const Yardstick& yardstick, double work, F f) {
  constexpr int kTurns = 41;
  constexpr double kSeconds = 2e-4;
  if (!yardstick.run) return 0;
  double once = 1;
  for (int i = 0; i < 3; ++i) once = std::min(once, seconds_of(f));
  const int times = std::max(1, int(kSeconds / std::max(once, 1e-9)));
  const auto repeat = [&] {
    for (int i = 0; i < times; ++i) f();
  };
  double shares[kTurns];
  for (double& share : shares) {
    const double mine = work * times / seconds_of(repeat);
    share = mine / (yardstick.work / seconds_of(yardstick.run));
  }
  std::nth_element(shares, shares + kTurns / 2, shares + kTurns);
  return shares[kTurns / 2];
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

__attribute__((target("avx512f,avx512bf16"))) inline void dot_pairs_avx512bf16(long times) {
  __m512 sum[16];
  for (int j = 0; j < 16; ++j) sum[j] = _mm512_set1_ps(float(j));
  const __m512bh x = (__m512bh)_mm512_set1_epi16(0x3f80), y = x;
  for (long i = 0; i < times; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < 16; ++j) {
      sum[j] = _mm512_dpbf16_ps(sum[j], x, y);
      asm volatile("" : "+v"(sum[j]));
    }
  }
}

__attribute__((target("avx2"))) inline void multiply_words_avx2(long times) {
  __m256i sum[12];
  for (int j = 0; j < 12; ++j) sum[j] = _mm256_set1_epi32(j);
  __m256i x = _mm256_set1_epi16(3);
  const __m256i y = _mm256_set1_epi16(5);
  for (long i = 0; i < times; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < 12; ++j) {
      sum[j] = _mm256_add_epi32(sum[j], _mm256_madd_epi16(x, y));
      asm volatile("" : "+x"(sum[j]), "+x"(x));
    }
  }
}

/// Fused multiply-adds of float32 with the widest vectors of the tier; a unit is an operation, of
/// which a multiply-add is two.
inline Yardstick f32_peak(Isa isa) {
  constexpr long kTimes = 30000;
  if (isa >= Isa::kAvx512) return {kTimes * 16.0 * 32, [] { multiply_add_avx512(kTimes); }};
  if (isa == Isa::kAvx2) return {kTimes * 12.0 * 16, [] { multiply_add_avx2(kTimes); }};
  return {};
}

/// The same for int8: dot products of bytes; of words and an addition, where there are none.
inline Yardstick int8_peak(Isa isa) {
  constexpr long kTimes = 30000;
  if (isa >= Isa::kAvx512Vnni) return {kTimes * 16.0 * 128, [] { dot_bytes_avx512vnni(kTimes); }};
  if (isa >= Isa::kAvx2) return {kTimes * 12.0 * 32, [] { multiply_words_avx2(kTimes); }};
  return {};
}

/// Dot products of pairs of bfloat16; elsewhere they are widened to float32.
inline Yardstick bf16_peak(Isa isa) {
  constexpr long kTimes = 30000;
  if (isa == Isa::kAvx512Bf16) return {kTimes * 16.0 * 64, [] { dot_pairs_avx512bf16(kTimes); }};
  return f32_peak(isa);
}

#else

inline Yardstick f32_peak(Isa) { return {}; }
inline Yardstick int8_peak(Isa) { return {}; }
inline Yardstick bf16_peak(Isa) { return {}; }

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

/// Reads memory, which is aligned to 64 bytes and stays where it is, over and over: the bandwidth
/// of the cache that it fits. A unit is a byte.
inline Yardstick read_peak(std::span<const std::byte> memory) {
  const size_t count = memory.size() / 256 * 4, times = (size_t(8) << 20) / memory.size() + 1;
  return {double(count * 64 * times),
          [=] { read_memory(reinterpret_cast<const Vector*>(memory.data()), count, times); }};
}

}  // namespace smelt
