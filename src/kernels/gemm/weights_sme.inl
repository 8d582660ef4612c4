// How packed weights become what is multiplied: one policy per format.
//
// begin(): once per block. kVectors: vectors of packed bytes per group. group<kIndex, kCols>(p): group kIndex from p on, as four vectors, of which those
// beyond kCols repeat others.
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
    if constexpr (kCols > 2) {
      return load4<4 * kIndex>(p);
    } else if constexpr (kCols == 2) {
      const svuint8x2_t b = load2<4 * kIndex>(p);
      return svcreate4(svget2(b, 0), svget2(b, 1), svget2(b, 0), svget2(b, 1));
    } else {
      const svuint8_t b = load1<4 * kIndex>(p);
      return svcreate4(b, b, b, b);
    }
  }
};

}  // namespace
}  // namespace smelt
