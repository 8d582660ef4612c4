// How packed weights become what is multiplied: one policy per format.
//
// begin(): once per block. kVectors: vectors of packed bytes per group. group<kIndex, kCols>(p):
// group kIndex from p on, as four vectors in the order of load_columns<kCols>(). pair<kIndex,
// kCols>(p, b0, b1): that group and the next.
#pragma once

#include <cstddef>

namespace smelt {
namespace {

/// Elements as they multiply.
struct PlainWeights {
  static constexpr size_t kVectors = 4;
  static SMELT_INLINE void begin() SMELT_FN {}
  template <int kIndex, int kCols>
  static SMELT_INLINE Bytes4 group(const std::byte* p) SMELT_FN {
    return load_columns<kCols, 4 * kIndex>(p);
  }
  template <int kIndex, int kCols>
  static SMELT_INLINE void pair(const std::byte* p, Bytes4& b0, Bytes4& b1) SMELT_FN {
    b0 = group<kIndex, kCols>(p), b1 = group<kIndex + 1, kCols>(p);
  }
};

}  // namespace
}  // namespace smelt
