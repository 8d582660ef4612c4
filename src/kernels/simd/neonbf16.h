// Matrix products of bfloat16: BFMMLA, 2 x 4 times 4 x 2, with float32 sums.
#pragma once

#include "kernels/simd/neon_quads.h"

namespace smelt {
namespace {

struct NeonBf16 : NeonQuads {
  using Word = bfloat16x8_t;
  using Quad = float32x4_t;
  static constexpr int kK = 4;

  static SMELT_INLINE Word load_word(const std::byte* p) {
    return vreinterpretq_bf16_u16(vld1q_u16(reinterpret_cast<const uint16_t*>(p)));
  }
  static SMELT_INLINE Quad mmla(Quad acc, Word lhs, Word rhs) {
    return vbfmmlaq_f32(acc, lhs, rhs);
  }
};

/// Packed weights with kr = 4.
struct NeonBf16Weights {
  static constexpr int kWords = 1;
  static SMELT_INLINE void load(const std::byte* p, NeonBf16::Word (&b)[1]) {
    b[0] = NeonBf16::load_word(p);
  }
};

/// Floating sums: the bias to begin with, Store's type in the end. Layout: kBias | data.
template <class Store>
struct NeonFloatSum {
  static constexpr bool kBlocks = false;
  static constexpr size_t kHeadFields = 1;

  SMELT_INLINE Float8 start(const std::byte* panel, size_t at) const {
    return NeonSums::load_float(panel + at * 4);
  }
  template <int kVecs>
  static SMELT_INLINE void finish(const NeonFloatSum (&)[kVecs], const GemmBlock& g, size_t i,
                                  size_t j, const Float8 (&acc)[kVecs], const std::byte*,
                                  size_t count) {
    const auto bounds = Store::bounds(g.stage);
    auto* out = static_cast<typename Store::Elem*>(g.out[i]) + j;
    SMELT_UNROLL for (int v = 0; v < kVecs; ++v) {
      const size_t at = v * NeonSums::kLanes;
      Store::store(out + at, acc[v], bounds, count > at ? count - at : 0);
    }
  }
};

}  // namespace
}  // namespace smelt
