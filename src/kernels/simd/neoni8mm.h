// Matrix products of int8: SMMLA, 2 x 8 times 8 x 2.
#pragma once

#include "kernels/simd/neon_quads.h"

namespace smelt {
namespace {

struct NeonI8mm : NeonQuads {
  using Word = int8x16_t;
  using Quad = int32x4_t;
  using Bytes = Word;
  static constexpr Isa kIsa = Isa::kNeonI8mm;
  static constexpr int kK = 8;

  static SMELT_INLINE Word load_word(const std::byte* p) { return load_bytes(p); }
  static SMELT_INLINE Quad mmla(Quad acc, Word lhs, Word rhs) { return vmmlaq_s32(acc, lhs, rhs); }

  static SMELT_INLINE Word load_s8(const std::byte* p) { return load_bytes(p); }
  static SMELT_INLINE void load_u4(const std::byte* p, Word (&b)[2]) {
    const NibblePair n(load_bytes(p));
    b[0] = n.low;
    b[1] = n.high;
  }
};

}  // namespace
}  // namespace smelt
