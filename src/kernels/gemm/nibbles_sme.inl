// 4-bit weights as a policy: see gemm/weights_sme.inl. The including file has included simd/sme.h
// or simd/sme2_lut.h.
#pragma once

#include <cstddef>

namespace smelt {
namespace {

/// 4-bit weights, stored plus 8: byte b of a column's two holds k = 2b and 2b + 1. A vector of
/// packed bytes is two vectors of int8.
struct NibbleWeights {
  static constexpr size_t kVectors = 2;
  static SMELT_INLINE void begin() SMELT_FN { begin_nibbles(); }
  template <int kIndex, int kCols>
  static SMELT_INLINE Bytes4 group(const std::byte* p) SMELT_FN {
    if constexpr (kCols == 4) {
      const Bytes4 packed = load_columns<2, 2 * kIndex>(p);
      const svuint8x2_t lo = expand_nibbles(svget4(packed, 0)),
                        hi = expand_nibbles(svget4(packed, 1));
      return svcreate4(svget2(lo, 0), svget2(lo, 1), svget2(hi, 0), svget2(hi, 1));
    } else if constexpr (kCols == 1) {
      const svuint8_t b = expand_first_nibbles(load1<2 * kIndex>(p));
      return svcreate4(b, b, b, b);
    } else {
      const svuint8x2_t b = expand_nibbles(load1<2 * kIndex>(p));
      if constexpr (kCols == 2)
        return svcreate4(svget2(b, 0), svget2(b, 1), svget2(b, 0), svget2(b, 1));
      return svcreate4(svget2(b, 0), svget2(b, 1), expand_first_nibbles(load1<2 * kIndex + 1>(p)),
                       svget2(b, 0));
    }
  }
  template <int kIndex, int kCols>
  static SMELT_INLINE void pair(const std::byte* p, Bytes4& b0, Bytes4& b1) SMELT_FN {
    if constexpr (kCols == 4) return load_nibble_pair<2 * kIndex>(p, b0, b1);
    b0 = group<kIndex, kCols>(p), b1 = group<kIndex + 1, kCols>(p);
  }
};

}  // namespace
}  // namespace smelt
