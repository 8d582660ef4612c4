// simd/sme2.h for kernels that expand 4-bit weights with the lookup table ZT0, which is state like ZA.
#pragma once

#define SMELT_ZA "za", "zt0"
#include "kernels/simd/sme2.h"

namespace smelt {
namespace {

/// The values of nibbles that are stored plus 8.
alignas(64) constexpr int32_t kNibbleTable[16] = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};

/// Before the first expand_nibbles().
SMELT_INLINE void begin_nibbles() SMELT_FN { svldr_zt(0, kNibbleTable); }
/// Nibbles that are stored plus 8, low ones first, to int8. One instruction.
SMELT_INLINE svuint8x2_t expand_nibbles(svuint8_t v) SMELT_FN { return svluti4_lane_zt_u8_x2(0, v, 0); }
/// … the words of the first vl columns.
SMELT_INLINE svuint8_t expand_first_nibbles(svuint8_t v) SMELT_FN { return svluti4_lane_zt_u8(0, v, 0); }

}  // namespace
}  // namespace smelt
