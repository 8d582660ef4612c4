// Pseudo-random numbers that are the same on every platform: standard distributions are not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace smelt {

/// SplitMix64 (Steele, Lea and Flood 2014). Good enough for weights; not for secrets.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// Uniform in [-limit, limit): 24 bits, so that the conversion to float is exact.
  float uniform(float limit) { return (float(next() >> 40) * 0x1p-23f - 1.0f) * limit; }

  std::vector<float> uniforms(size_t n, float limit) {
    std::vector<float> v(n);
    for (float& x : v) x = uniform(limit);
    return v;
  }

 private:
  uint64_t state_;
};

}  // namespace smelt
