// How packed weights become what is multiplied: one policy per format.
//
// begin(): once per block. kVectors: vectors of packed bytes per group. group<kIndex, kCols>(p): group kIndex from p on, as
// four vectors in the order of load_columns<kCols>().
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
};

}  // namespace
}  // namespace smelt
