// Multiplying by dot products of four int8: each 32-bit lane accumulates four neighbouring k of one column.
//
// V: Bytes (a register of kLanes x 4 int8), Int (kLanes x int32), Float (kLanes x float32), kLhsOffset (what splat4 adds to
//    each element, because the instruction multiplies unsigned by signed), splat4(4 bytes as a word), dot4(acc, Bytes b,
//    Bytes a), and the conversions that the sums ask for.
// Weights: how packed bytes become Bytes: kWords (words of four k per group), load(panel bytes, Bytes[kWords]).
// Sum: where the sums start and what happens to them: see gemm/int8_sums.inl.
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

/// Four bytes as a word, from anywhere; the builtin is one load.
SMELT_INLINE uint32_t load_word(const int8_t* p) {
  uint32_t word;
  __builtin_memcpy(&word, p, sizeof word);
  return word;
}

/// `count` bytes, which may be 0 or more than 4, as a word; the rest is zero and is not read.
SMELT_INLINE uint32_t load_word_part(const int8_t* p, size_t count) {
  uint32_t word = 0;
  for (size_t i = 0; i < count && i < 4; ++i) word |= uint32_t(uint8_t(p[i])) << (8 * i);
  return word;
}

/// int8 weights: one word of k per group, kr = 4.
template <class V>
struct WeightsS8 {
  static constexpr int kWords = 1;
  static constexpr size_t kGroupBytes = V::kLanes * 4;
  static SMELT_INLINE void load(const std::byte* p, typename V::Bytes (&b)[1]) { b[0] = V::load_bytes(p); }
};

/// 4-bit weights: two words of k per group, kr = 8: the low nibbles hold the first, the high nibbles the second.
template <class V>
struct WeightsU4 {
  static constexpr int kWords = 2;
  static constexpr size_t kGroupBytes = V::kLanes * 4;
  static SMELT_INLINE void load(const std::byte* p, typename V::Bytes (&b)[2]) {
    V::split_nibbles(V::load_bytes(p), b[0], b[1]);
  }
};

template <class V, class Weights, class Sum, int kRows, int kTail, int kVecs>
struct Dot4 {
  static constexpr size_t nr() { return kVecs * V::kLanes; }

  static SMELT_INLINE size_t run(const GemmBlock& g, size_t m0, size_t left, const std::byte* panel, size_t n0,
                                 size_t nb) {
    if (left >= size_t(kRows)) return rows<kRows>(g, m0, panel, n0, nb);
    if (kTail > 1 && left >= size_t(kTail)) return rows<kTail>(g, m0, panel, n0, nb);
    return rows<1>(g, m0, panel, n0, nb);
  }

 private:
  static constexpr size_t kGroup = Weights::kWords * 4;

  template <int kM>
  static SMELT_INLINE void mac(typename V::Int (&acc)[kM][kVecs], const std::byte* rhs,
                               const uint32_t (&a)[kM][Weights::kWords]) {
    typename V::Bytes b[kVecs][Weights::kWords];
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j) Weights::load(rhs + j * Weights::kGroupBytes, b[j]);
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      SMELT_UNROLL for (int w = 0; w < Weights::kWords; ++w) {
        const typename V::Bytes x = V::splat4(a[i][w]);
        SMELT_UNROLL for (int j = 0; j < kVecs; ++j) acc[i][j] = V::dot4(acc[i][j], b[j][w], x);
      }
    }
  }

  // The products of `count` consecutive k, from a[i] + k on.
  template <int kM>
  static SMELT_INLINE void accumulate(typename V::Int (&acc)[kM][kVecs], const int8_t* const (&a)[kM], size_t k,
                                      size_t count, const std::byte*& rhs) {
    constexpr size_t kBytes = Weights::kGroupBytes * kVecs;
    uint32_t word[kM][Weights::kWords];
    const size_t whole = k + count / kGroup * kGroup;
    for (; k < whole; k += kGroup, rhs += kBytes) {
      SMELT_UNROLL for (int i = 0; i < kM; ++i)
        SMELT_UNROLL for (int w = 0; w < Weights::kWords; ++w) word[i][w] = load_word(a[i] + k + 4 * w);
      mac<kM>(acc, rhs, word);
    }
    if (const size_t rest = count % kGroup; rest != 0) {
      SMELT_UNROLL for (int i = 0; i < kM; ++i)
        SMELT_UNROLL for (int w = 0; w < Weights::kWords; ++w)
          word[i][w] = load_word_part(a[i] + k + 4 * w, rest > size_t(4 * w) ? rest - 4 * w : 0);
      mac<kM>(acc, rhs, word);
      rhs += kBytes;
    }
  }

  template <int kM>
  static SMELT_INLINE size_t rows(const GemmBlock& g, size_t m0, const std::byte* panel, size_t n0, size_t nb) {
    Sum sum[kM][kVecs];
    typename V::Int acc[kM][kVecs];
    const int8_t* a[kM];
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j)
      SMELT_UNROLL for (int i = 0; i < kM; ++i) acc[i][j] = sum[i][j].start(panel, j * V::kLanes);
    const std::byte* rhs = panel + Sum::kHeadFields * nr() * 4;

    const void* const* row = g.rows + m0 * g.taps;
    for (size_t t = 0; t < g.taps; ++t, ++row) {
      SMELT_UNROLL for (int i = 0; i < kM; ++i) a[i] = static_cast<const int8_t*>(row[size_t(i) * g.taps]);
      if constexpr (Sum::kBlocks) {
        for (size_t k = 0; k < g.kc; k += g.quant_block) {
          accumulate<kM>(acc, a, k, g.quant_block, rhs);
          SMELT_UNROLL for (int j = 0; j < kVecs; ++j)
            SMELT_UNROLL for (int i = 0; i < kM; ++i) sum[i][j].end_block(acc[i][j], rhs, j * V::kLanes);
          rhs += nr() * 2;
        }
      } else {
        accumulate<kM>(acc, a, 0, g.kc, rhs);
      }
    }
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
        const size_t at = size_t(j) * V::kLanes;
        if (at < nb) sum[i][j].finish(g, m0 + i, n0 + at, acc[i][j], rhs, at, nr(), nb - at);
      }
    }
    return kM;
  }
};

}  // namespace
}  // namespace smelt
