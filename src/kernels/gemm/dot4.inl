// Multiplying by dot products of int8: each 32-bit lane accumulates a word of kK neighbouring k of
// one column.
//
// - V: kLanes, kK (4; 2 where the instruction multiplies 16-bit words), Bytes (a register of kLanes
//   words of weights), Int (kLanes x int32), Float (kLanes x float32), dot(acc, Bytes b, Bytes a),
//   load_s8(const std::byte*) and load_u4(const std::byte*, Bytes[2]) for weights, kChains (how
//   many independent sums keep the units for dot() busy: their number x its latency), and the
//   conversions that the sums ask for. It is also the Lhs of staged_rows.inl: splat_k(const
//   Staged*) reads a word of it, and kLhsOffset is what stage() adds to each element because the
//   instruction multiplies unsigned by signed. Without `Staged`, rows are read where they are. If
//   it has kWordsAtOnce, so many words of a row are read together, load_words(), and multiplied by
//   dot_lane<word>(acc, b, words).
// - Weights: see gemm/int8_weights.inl.
// - Rows: how rows reach the loop, see staged_rows.inl.
// - Sum: where the sums start and what happens to them, see gemm/int8_sums.inl.
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"
#include "kernels/gemm/int8_weights.inl"
#include "kernels/gemm/panel_tail.inl"
#include "kernels/gemm/staged_rows.inl"

namespace smelt {
namespace {

/// kVecs of the kPanel vectors of a panel. If V has kNarrowTiles, a panel with half as many columns
/// or fewer gets a tile of half as many vectors, and twice as high if it is low.
template <class V, class Weights, class Sum, int kHeight, int kVecs,
          template <class> class Rows = UsualRows, int kPanel = kVecs>
struct Dot4 {
  static constexpr int kRows = kHeight;
  static constexpr size_t nr() { return kPanel * V::kLanes; }

  static SMELT_INLINE size_t run(const GemmBlock& g, size_t m0, size_t left, const std::byte* panel,
                                 size_t n0, size_t nb) {
    if constexpr (kVecs > 1 && requires { V::kNarrowTiles; })
      if (nb <= kVecs / 2 * V::kLanes) return Narrow::run(g, m0, left, panel, n0, nb);
    return run_evenly<Dot4>(g, m0, left, panel, n0, nb);
  }

  static constexpr int kNarrowRows = kHeight < 12 ? 2 * kHeight : kHeight;
  using Narrow = Dot4<V, Weights, Sum, kNarrowRows, kVecs / 2, Rows, kPanel>;

  template <int kM>
  static SMELT_NOINLINE void rows(const GemmBlock& block, size_t m0, const std::byte* panel,
                                  size_t n0, size_t nb) {
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

    if constexpr (kWholeBlocks) {
      const typename V::Elem* a[kM];
      SMELT_UNROLL for (int i = 0; i < kM; ++i) a[i] =
          static_cast<const typename V::Elem*>(g.rows[m0 + i]);
      for (size_t k = 0; k < g.kc;) {
        whole_block<kM>(acc, a, k, k + g.quant_block, rhs);
        end_block<kM>(sum, acc, rhs);
        rhs += nr() * 2;
        // There are no registers for the totals of full tiles while sums are in others. Said like
        // this, they are loaded and stored in pairs.
        if constexpr (kM * kVecs > 7) asm volatile("" : "+m"(sum));
      }
    } else {
      const size_t block_groups = g.quant_block / kGroup;
      size_t block_left = block_groups;
      Rows<V>::template for_each_stretch<kGroup, kM>(
          g, m0, [&](const auto& a, size_t count) SMELT_INLINE_LAMBDA {
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
    }
    constexpr size_t kColumns = kVecs * V::kLanes;
    // With many registers, what the rows of the output share stays in some of them from row to row:
    // the tail and the bounds (in g, which cannot change, either), and pointers that move on.
    const PanelTail<Sum, nr(), kManyRegisters> tail(rhs);
    const auto finish = [&]<class... Store>(size_t count, Store...) SMELT_INLINE_LAMBDA {
      GemmBlock at = g;
      if constexpr (kManyRegisters) {
        at.out += m0;
        if constexpr (Sum::kDynamicRows) at.row_quant += m0 * g.row_quant_stride;
        at.row_quant_stride = 0;
      }
      SMELT_UNROLL for (int i = 0; i < kM; ++i) {
        Int whole[kVecs];
        SMELT_UNROLL for (int j = 0; j < kVecs; ++j) whole[j] = total<kM>(acc, i, j);
        if constexpr (kManyRegisters) {
          Sum::template finish<kPanel, Weights::kTimes>(sum[i], at, i, n0, whole, tail.data(),
                                                        count);
          if constexpr (Sum::kDynamicRows) at.row_quant += g.row_quant_stride;
        } else {
          Sum::template finish<kPanel, Weights::kTimes, Store...>(sum[i], block, m0 + i, n0, whole,
                                                                  tail.data(), count);
        }
      }
    };
    if constexpr (kManyRegisters)
      if (nb >= kColumns) return finish(kColumns);
    // Whole tiles without bounds, the usual ones, get a way of their own: a third fewer
    // instructions and no branches.
    if constexpr (requires { typename Sum::Stores::Unclamped; })
      if (nb >= kColumns && !Sum::Stores::clamps(g.stage))
        return finish(kColumns, typename Sum::Stores::Unclamped());
    finish(nb);
  }

 private:
  using Int = typename V::Int;
  static constexpr size_t kGroup = Weights::kWords * V::kK;
  static constexpr bool kManyRegisters = requires { V::kWordsAtOnce; };  ///< for narrow vectors
  /// Rows of one tap that are read in place, several words together, consist of whole blocks: of
  /// multiples of 32 k.
  static constexpr bool kWholeBlocks = Sum::kBlocks && kManyRegisters;
  static constexpr size_t kBytes = kPanel * Weights::kVecBytes;  ///< of a group
  /// Low tiles keep several sums per output, each for some of the groups, until there are
  /// V::kChains of them. With a scale per block half as many do: blocks are independent.
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
      const typename V::Float scale = V::load_bf16(scales + j * V::kLanes * 2);
      SMELT_UNROLL for (int i = 0; i < kM; ++i) {
        sum[i][j].end_block(total<kM>(acc, i, j), scale);
        SMELT_UNROLL for (int s = 0; s < kSplit<kM>; ++s) acc[s][i][j] = V::zero_int();
      }
    }
  }

  /// Groups that are multiplied together: V::kWordsAtOnce words.
  static constexpr size_t kAtOnce = [] {
    if constexpr (requires { V::kWordsAtOnce; }) return V::kWordsAtOnce / Weights::kWords;
    return size_t(1);
  }();

  template <int kM, class Elem>
  static SMELT_INLINE void several_words(Int (&acc)[kSplit<kM>][kM][kVecs],
                                         const Elem* const (&a)[kM], size_t k,
                                         const std::byte*& rhs) {
    typename V::Words words[kM];
    SMELT_UNROLL for (int i = 0; i < kM; ++i) words[i] = V::load_words(a[i] + k);
    lanes<kM>(acc, words, rhs);
    rhs += kAtOnce * kBytes;
  }

  /// A block of scales, [k, end): 32 k, or a few times as many. k counts elements, which are bytes:
  /// one register serves as the offset into every row.
  template <int kM, class Elem>
  static SMELT_INLINE void whole_block(Int (&acc)[kSplit<kM>][kM][kVecs],
                                       const Elem* const (&a)[kM], size_t& k, size_t end,
                                       const std::byte*& rhs) {
    constexpr size_t step = kAtOnce * kGroup, unrolled = kM <= 4 ? 32 : step;
    SMELT_KEEP_LOOP do {
      SMELT_UNROLL for (size_t s = 0; s < unrolled; s += step)
          several_words<kM>(acc, a, k + s, rhs);
      k += unrolled;
    }
    while (k < end);
  }

  /// Groups [x, end) of the staged rows.
  template <int kM, class Elem>
  static SMELT_INLINE void groups(Int (&acc)[kSplit<kM>][kM][kVecs], const Elem* const (&a)[kM],
                                  size_t x, size_t end, const std::byte*& rhs) {
    constexpr size_t split = kSplit<kM>;
    if constexpr (kManyRegisters) {
      SMELT_KEEP_LOOP for (; x + kAtOnce <= end; x += kAtOnce)
          several_words<kM>(acc, a, x * kGroup, rhs);
    } else if constexpr (split > 1) {
      SMELT_KEEP_LOOP for (; x + split <= end; x += split)
          SMELT_UNROLL for (size_t s = 0; s < split; ++s, rhs += kBytes)
              mac<kM>(acc[s], a, (x + s) * kGroup, rhs);
    }
    SMELT_KEEP_LOOP for (; x < end; ++x, rhs += kBytes) mac<kM>(acc[0], a, x * kGroup, rhs);
  }

  struct GroupOfWeights {
    explicit SMELT_INLINE GroupOfWeights(const std::byte* rhs) {
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j)
          Weights::load(rhs + j * Weights::kVecBytes, v[j]);
    }
    typename V::Bytes v[kVecs][Weights::kWords];
  };

  template <int kM, class Elem>
  static SMELT_INLINE void mac(Int (&acc)[kM][kVecs], const Elem* const (&a)[kM], size_t k,
                               const std::byte* rhs) {
    SMELT_UNROLL for (int w = 0; w < Weights::kWords; ++w) {
      // Large tiles have no registers to keep packed weights in: the compiler is not to see that
      // they are loaded again.
      if constexpr (Weights::kWords > 1 && kM * kVecs >= 12) asm("" : "+r"(rhs));
      const GroupOfWeights b(rhs);
      SMELT_UNROLL for (int i = 0; i < kM; ++i) {
        const auto x = V::splat_k(a[i] + k + w * V::kK);
        SMELT_UNROLL for (int j = 0; j < kVecs; ++j) acc[i][j] = V::dot(acc[i][j], b.v[j][w], x);
      }
    }
  }

  /// Words kWord … kWordsAtOnce - 1 of x.
  template <int kM, int kWord = 0, class Words>
  static SMELT_INLINE void lanes(Int (&acc)[kSplit<kM>][kM][kVecs], const Words (&x)[kM],
                                 const std::byte* rhs) {
    const GroupOfWeights b(rhs);
    lanes_of_group<kM, kWord, kWord + Weights::kWords>(acc, x, b);
    if constexpr (kWord + Weights::kWords < V::kWordsAtOnce)
      lanes<kM, kWord + Weights::kWords>(acc, x, rhs + kBytes);
  }
  template <int kM, int kWord, int kEnd, class Words>
  static SMELT_INLINE void lanes_of_group(Int (&acc)[kSplit<kM>][kM][kVecs], const Words (&x)[kM],
                                          const GroupOfWeights& b) {
    auto& sum = acc[kWord % kSplit<kM>];
    SMELT_UNROLL for (int i = 0; i < kM; ++i) SMELT_UNROLL for (int j = 0; j < kVecs; ++j)
        sum[i][j] = V::template dot_lane<kWord>(sum[i][j], b.v[j][kWord % Weights::kWords], x[i]);
    if constexpr (kWord + 1 < kEnd) lanes_of_group<kM, kWord + 1, kEnd>(acc, x, b);
  }
};

}  // namespace
}  // namespace smelt
