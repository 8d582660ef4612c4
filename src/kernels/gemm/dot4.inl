// Multiplying by dot products of int8: each 32-bit lane accumulates a word of kK neighbouring k of one column.
//
// V: kLanes, kK (4; 2 where the instruction multiplies 16-bit words), Bytes (a register of kLanes words of weights),
//    Int (kLanes x int32), Float (kLanes x float32), dot(acc, Bytes b, Bytes a), load_s8(const std::byte*) and
//    load_u4(const std::byte*, Bytes[2]) for weights, kChains (how many independent sums keep the units for dot() busy: their
//    number x its latency), and the conversions that the sums ask for. It is also the Lhs of
//    staged_rows.inl, splat_k(const Staged*) reads a word of it, and kLhsOffset is what stage() adds to each element because
//    the instruction multiplies unsigned by signed.
// Weights: how packed bytes become Bytes: kWords (words of k per group), load(panel bytes, Bytes[kWords]).
// Rows: how rows reach the loop, see staged_rows.inl.
// Sum: where the sums start and what happens to them: see gemm/int8_sums.inl.
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"
#include "kernels/gemm/staged_rows.inl"

namespace smelt {
namespace {

/// int8 weights: one word of k per group, kr = kK.
template <class V>
struct WeightsS8 {
  static constexpr int kWords = 1;
  static constexpr size_t kVecBytes = V::kLanes * V::kK;
  static SMELT_INLINE void load(const std::byte* p, typename V::Bytes (&b)[1]) { b[0] = V::load_s8(p); }
};

/// 4-bit weights: two words of k per group, kr = 2 kK: the low nibbles hold the first, the high nibbles the second.
template <class V>
struct WeightsU4 {
  static constexpr int kWords = 2;
  static constexpr size_t kVecBytes = V::kLanes * V::kK;
  static SMELT_INLINE void load(const std::byte* p, typename V::Bytes (&b)[2]) { V::load_u4(p, b); }
};

template <class V, class Weights, class Sum, int kHeight, int kVecs, template <class> class Rows = StagedRows>
struct Dot4 {
  static constexpr int kRows = kHeight;
  static constexpr size_t nr() { return kVecs * V::kLanes; }

  static SMELT_INLINE size_t run(const GemmBlock& g, size_t m0, size_t left, const std::byte* panel, size_t n0,
                                 size_t nb) {
    return run_evenly<Dot4>(g, m0, left, panel, n0, nb);
  }

  template <int kM>
  static SMELT_NOINLINE void rows(const GemmBlock& block, size_t m0, const std::byte* panel, size_t n0, size_t nb) {
    const GemmBlock g = block;  // a copy, which stores to the output cannot change
    Sum sum[kM][kVecs];
    Int acc[kSplit<kM>][kM][kVecs];
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
      SMELT_UNROLL for (int i = 0; i < kM; ++i) {
        acc[0][i][j] = sum[i][j].start(panel, j * V::kLanes);
        SMELT_UNROLL for (int s = 1; s < kSplit<kM>; ++s) acc[s][i][j] = V::zero_int();
      }
    }
    const std::byte* rhs = panel + Sum::kHeadFields * nr() * 4;

    const size_t block_groups = g.quant_block / kGroup;
    size_t block_left = block_groups;
    Rows<V>::template for_each_stretch<kGroup, kM>(g, m0, [&](const auto& a, size_t count) SMELT_INLINE_LAMBDA {
      if constexpr (Sum::kBlocks) {
        for (size_t at = 0; at < count;) {
          const size_t end = count - at < block_left ? count : at + block_left;
          block_left -= end - at;
          groups<kM>(acc, a, at, end, rhs);
          at = end;
          if (block_left == 0) {
            end_block<kM>(sum, acc, rhs);
            rhs += nr() * 2;
            block_left = block_groups;
          }
        }
      } else {
        groups<kM>(acc, a, 0, count, rhs);
      }
    });
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      Int whole[kVecs];
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) whole[j] = total<kM>(acc, i, j);
      Sum::finish(sum[i], block, m0 + i, n0, whole, rhs, nb);
    }
  }

 private:
  using Int = typename V::Int;
  using Staged = typename V::Staged;
  static constexpr size_t kGroup = Weights::kWords * V::kK;
  /// Low tiles keep several sums per output, each for some of the groups, until there are V::kChains of them. With a scale per
  /// block half as many do: blocks are independent.
  static constexpr int kChains = Sum::kBlocks ? V::kChains / 2 : V::kChains;
  template <int kM>
  static constexpr int kSplit = kM * kVecs >= kChains ? 1 : kChains / (kM * kVecs);

  template <int kM>
  static SMELT_INLINE Int total(const Int (&acc)[kSplit<kM>][kM][kVecs], int i, int j) {
    Int sum = acc[0][i][j];
    SMELT_UNROLL for (int s = 1; s < kSplit<kM>; ++s) sum = V::add(sum, acc[s][i][j]);
    return sum;
  }

  template <int kM>
  static SMELT_INLINE void end_block(Sum (&sum)[kM][kVecs], Int (&acc)[kSplit<kM>][kM][kVecs],
                                     const std::byte* scales) {
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
      SMELT_UNROLL for (int i = 0; i < kM; ++i) {
        sum[i][j].end_block(total<kM>(acc, i, j), scales, j * V::kLanes);
        SMELT_UNROLL for (int s = 0; s < kSplit<kM>; ++s) acc[s][i][j] = V::zero_int();
      }
    }
  }

  /// Groups [x, end) of the staged rows.
  template <int kM>
  static SMELT_INLINE void groups(Int (&acc)[kSplit<kM>][kM][kVecs], const Staged* const (&a)[kM], size_t x, size_t end,
                                  const std::byte*& rhs) {
    constexpr size_t kBytes = kVecs * Weights::kVecBytes, split = kSplit<kM>;
    if constexpr (split > 1) {
      SMELT_KEEP_LOOP for (; x + split <= end; x += split)
        SMELT_UNROLL for (size_t s = 0; s < split; ++s, rhs += kBytes) mac<kM>(acc[s], a, (x + s) * kGroup, rhs);
    }
    SMELT_KEEP_LOOP for (; x < end; ++x, rhs += kBytes) mac<kM>(acc[0], a, x * kGroup, rhs);
  }

  template <int kM>
  static SMELT_INLINE void mac(Int (&acc)[kM][kVecs], const Staged* const (&a)[kM], size_t k, const std::byte* rhs) {
    typename V::Bytes b[kVecs][Weights::kWords];
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j) Weights::load(rhs + j * Weights::kVecBytes, b[j]);
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      SMELT_UNROLL for (int w = 0; w < Weights::kWords; ++w) {
        const typename V::Bytes x = V::splat_k(a[i] + k + w * V::kK);
        SMELT_UNROLL for (int j = 0; j < kVecs; ++j) acc[i][j] = V::dot(acc[i][j], b[j][w], x);
      }
    }
  }
};

}  // namespace
}  // namespace smelt
