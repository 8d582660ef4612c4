// Multiplying 2 x 2 outputs at a time: an instruction takes a word of kK neighbouring k of two rows
// and of two columns, and adds to four sums in one register, a quad:
//
//   row 0: column 0, column 1;  row 1: column 0, column 1
//
// The left side comes packed in panels of two rows, so tiles of any even height can be cut from it,
// with taps joined: k is one run.
//
// V: kLanes (8 columns, four quads), Word (of two rows or columns; 16 bytes), load_word(const
// std::byte*),
//   Quad, mmla(quad, lhs, rhs); spread(vector, quads): two equal rows; row<r>(quads) -> vector;
//   FloatQuad and add_scaled(FloatQuad total, quad, scales) for block scales; and what Sum asks
//   for.
// Weights: see gemm/int8_weights.inl; Bytes are a Word. Sum: see gemm/int8_sums.inl.
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"
#include "kernels/gemm/int8_weights.inl"

namespace smelt {
namespace {

template <class V, class Weights, class Sum, int kPairs, int kVecs>
struct Mmla {
  static constexpr size_t nr() { return kVecs * V::kLanes; }

  static SMELT_INLINE size_t run(const GemmBlock& g, size_t m0, size_t left, const std::byte* panel,
                                 size_t n0, size_t nb) {
    return 2 * run_evenly<Pairs>(g, m0, (left + 1) / 2, panel, n0, nb);
  }

 private:
  using Quad = typename V::Quad;
  static constexpr int kQuads = 4 * kVecs;
  static constexpr size_t kGroup = Weights::kWords * V::kK;
  static constexpr size_t kWordBytes = 16;
  static constexpr size_t kGroupBytes = kQuads * kWordBytes;  ///< of weights

  struct Pairs {
    static constexpr int kRows = kPairs;

    template <int kP>
    static SMELT_NOINLINE void rows(const GemmBlock& block, size_t m0, const std::byte* panel,
                                    size_t n0, size_t nb) {
      const GemmBlock g = block;  // a copy, which stores to the output cannot change
      const std::byte* a[kP];
      SMELT_UNROLL for (int p = 0; p < kP; ++p) a[p] = g.lhs + (m0 / 2 + p) * g.lhs_panel_stride;
      Quad acc[kP][kQuads];
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
        const auto start = Sum().start(panel, j * V::kLanes);
        SMELT_UNROLL for (int p = 0; p < kP; ++p) V::spread(start, acc[p] + 4 * j);
      }
      const std::byte* rhs = panel + Sum::kHeadFields * nr() * 4;
      const size_t groups = (g.taps * g.kc + kGroup - 1) / kGroup;
      if constexpr (Sum::kBlocks) {
        const size_t block_groups = g.quant_block / kGroup;
        FloatQuads total[kP] = {};
        for (size_t x = 0; x < groups; x += block_groups) {
          Quad sum[kP][kQuads] = {};
          SMELT_KEEP_LOOP for (size_t i = x;;) {
            group<kP>(sum, a, i, rhs);
            rhs += kGroupBytes;
            if (++i == x + block_groups) break;
          }
          end_block<kP>(total, sum, rhs);
          rhs += nr() * 2;
        }
        finish<kP>(g, m0, n0, nb, rhs, acc, total);
      } else {
        multiply<kP>(acc, a, 0, groups, rhs);
        finish<kP>(g, m0, n0, nb, rhs, acc, acc);
      }
    }
  };

  struct FloatQuads {
    typename V::FloatQuad q[kQuads];
  };

  /// Groups [x, end).
  template <int kP>
  static SMELT_INLINE void multiply(Quad (&acc)[kP][kQuads], const std::byte* const (&a)[kP],
                                    size_t x, size_t end, const std::byte*& rhs) {
    if constexpr (Weights::kWords == 1) {
      SMELT_KEEP_LOOP for (; x + 2 <= end; x += 2, rhs += 2 * kGroupBytes) {
        group<kP>(acc, a, x, rhs);
        // Keeps the second word of each row out of registers for now: there are none left.
        if constexpr (kP * kQuads >= 24) asm volatile("" ::: "memory");
        group<kP>(acc, a, x + 1, rhs + kGroupBytes);
      }
    }
    SMELT_KEEP_LOOP for (; x < end; ++x, rhs += kGroupBytes) group<kP>(acc, a, x, rhs);
  }

  template <int kP>
  static SMELT_INLINE void group(Quad (&acc)[kP][kQuads], const std::byte* const (&a)[kP], size_t x,
                                 const std::byte* rhs) {
    typename V::Word lhs[Weights::kWords][kP];
    SMELT_UNROLL for (int p = 0; p < kP; ++p) SMELT_UNROLL for (int w = 0; w < Weights::kWords; ++w)
        lhs[w][p] = V::load_word(a[p] + (x * Weights::kWords + w) * kWordBytes);
    SMELT_UNROLL for (int c = 0; c < kQuads; ++c) {
      typename V::Word b[Weights::kWords];
      Weights::load(rhs + c * kWordBytes, b);
      SMELT_UNROLL for (int w = 0; w < Weights::kWords; ++w)
          SMELT_UNROLL for (int p = 0; p < kP; ++p) acc[p][c] = V::mmla(acc[p][c], lhs[w][p], b[w]);
    }
  }

  template <int kP>
  static SMELT_INLINE void end_block(FloatQuads (&total)[kP], const Quad (&sum)[kP][kQuads],
                                     const std::byte* scales) {
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
      typename V::FloatQuad scale[4];
      V::spread(V::load_bf16(scales + j * V::kLanes * 2), scale);
      SMELT_UNROLL for (int p = 0; p < kP; ++p) SMELT_UNROLL for (int c = 0; c < 4; ++c) total[p]
          .q[4 * j + c] = V::add_scaled(total[p].q[4 * j + c], sum[p][4 * j + c], scale[c]);
    }
  }

  template <int kP, class Total>
  static SMELT_INLINE void finish(const GemmBlock& g, size_t m0, size_t n0, size_t nb,
                                  const std::byte* tail, const Quad (&acc)[kP][kQuads],
                                  const Total& total) {
    SMELT_UNROLL for (int p = 0; p < kP; ++p) {
      finish_row<0>(g, m0 + 2 * p, n0, nb, tail, acc[p], total[p]);
      if (m0 + 2 * p + 1 < g.m) finish_row<1>(g, m0 + 2 * p + 1, n0, nb, tail, acc[p], total[p]);
    }
  }
  template <int kRow, class Total>
  static SMELT_INLINE void finish_row(const GemmBlock& g, size_t i, size_t n0, size_t nb,
                                      const std::byte* tail, const Quad (&acc)[kQuads],
                                      const Total& total) {
    Sum sums[kVecs];
    decltype(V::template row<kRow>(acc)) whole[kVecs];
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
      if constexpr (Sum::kBlocks) sums[j].total = V::template row<kRow>(total.q + 4 * j);
      whole[j] = V::template row<kRow>(acc + 4 * j);
    }
    Sum::finish(sums, g, i, n0, whole, tail, nb);
  }
};

}  // namespace
}  // namespace smelt
