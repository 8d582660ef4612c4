// How packed bytes become the integers that are multiplied: kWords (words of kK neighbouring k per
// group), kVecBytes (of a group, for a vector of columns), load(panel bytes, Bytes[kWords]). V has
// kLanes, kK, Bytes, load_s8 and load_u4. They give weights times kTimes, which is a power of two:
// what becomes of the sums divides.
#pragma once

#include <cstddef>

#include "kernels/compiler.h"

namespace smelt {
namespace {

/// int8 weights: one word of k per group, kr = kK.
template <class V>
struct WeightsS8 {
  static constexpr int kWords = 1;
  static constexpr size_t kVecBytes = V::kLanes * V::kK;
  static SMELT_INLINE void load(const std::byte* p, typename V::Bytes (&b)[1]) {
    b[0] = V::load_s8(p);
  }
  static constexpr int kTimes = 1;
};

/// 4-bit weights: two words of k per group, kr = 2 kK: the low nibbles hold the first, the high
/// nibbles the second.
template <class V>
struct WeightsU4 {
  static constexpr int kWords = 2;
  static constexpr size_t kVecBytes = V::kLanes * V::kK;
  static SMELT_INLINE void load(const std::byte* p, typename V::Bytes (&b)[2]) { V::load_u4(p, b); }
  static constexpr int kTimes = [] {
    if constexpr (requires { V::kU4Shift; }) return 1 << V::kU4Shift;
    return 1;
  }();
};

}  // namespace
}  // namespace smelt
