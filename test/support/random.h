// Numbers for tests: the same on every machine and in every run.
#pragma once

#include <cstdint>

namespace smelt {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return uint32_t(state_ >> 32);
  }
  /// In [low, high].
  int32_t integer(int32_t low, int32_t high) {
    return int32_t(low + int64_t(next() % uint32_t(int64_t(high) - low + 1)));
  }
  /// In [low, high), with 24 bits of fraction.
  float real(float low, float high) { return low + (high - low) * float(next() >> 8) * 0x1p-24f; }

 private:
  uint64_t state_;
};

}  // namespace smelt
