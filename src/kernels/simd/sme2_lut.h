// simd/sme2.h for kernels that expand 4-bit weights with the lookup table ZT0, which is state like
// ZA.
#pragma once

#define SMELT_ZA "za", "zt0"
#include "kernels/simd/sme2.h"

namespace smelt {
namespace {

/// The values of nibbles that are stored plus 8.
alignas(64) constexpr int32_t kNibbleTable[16] = {-8, -7, -6, -5, -4, -3, -2, -1,
                                                  0,  1,  2,  3,  4,  5,  6,  7};

/// Before the first expand_nibbles().
SMELT_INLINE void begin_nibbles() SMELT_FN { svldr_zt(0, kNibbleTable); }
/// Nibbles that are stored plus 8, low ones first, to int8. One instruction.
SMELT_INLINE svuint8x2_t expand_nibbles(svuint8_t v) SMELT_FN {
  return svluti4_lane_zt_u8_x2(0, v, 0);
}
/// … the words of the first vl columns.
SMELT_INLINE svuint8_t expand_first_nibbles(svuint8_t v) SMELT_FN {
  return svluti4_lane_zt_u8(0, v, 0);
}

/// The words of 4 vl columns, from vector kVector on, of a group and of the next.
template <int kVector>
SMELT_INLINE void load_nibble_pair(const std::byte* p, Bytes4& b0, Bytes4& b1) SMELT_FN {
  const Bytes4 v = load4<kVector>(p);
  const svuint8x2_t e0 = expand_nibbles(svget4(v, 0)), e1 = expand_nibbles(svget4(v, 1));
  const svuint8x2_t e2 = expand_nibbles(svget4(v, 2)), e3 = expand_nibbles(svget4(v, 3));
  b0 = svcreate4(svget2(e0, 0), svget2(e0, 1), svget2(e1, 0), svget2(e1, 1));
  b1 = svcreate4(svget2(e2, 0), svget2(e2, 1), svget2(e3, 0), svget2(e3, 1));
}

}  // namespace
}  // namespace smelt
