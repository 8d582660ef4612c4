// Multiplying by dot products of int8: each 32-bit lane accumulates a word of kK neighbouring k of one column.
//
// V: kLanes, kK (4; 2 where the instruction multiplies 16-bit words), Bytes (a register of kLanes words of weights),
//    Int (kLanes x int32), Float (kLanes x float32), dot(acc, Bytes b, Bytes a), load_s8(const std::byte*) and
//    load_u4(const std::byte*, Bytes[2]) for weights, and the conversions that the sums ask for. The left side:
//    - kLhsOffset: what is added to each of its elements, because the instruction multiplies unsigned by signed;
//    - splat_k(const int8_t*), and splat_k_part(const int8_t*, count) for a word that may end early (count may be 0 or more
//      than kK; nothing beyond is read, zeros stand for it); or
//    - Staged, stage(Staged*, const int8_t*, count), splat_k(const Staged*): a stretch of each row is converted first; stage
//      writes whole multiples of 16 elements, zeros beyond the end.
// Weights: how packed bytes become Bytes: kWords (words of k per group), load(panel bytes, Bytes[kWords]).
// Sum: where the sums start and what happens to them: see gemm/int8_sums.inl.
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

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

template <class V, class Weights, class Sum, int kHeight, int kVecs>
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

    const void* const* row = g.rows + m0 * g.taps;
    for (size_t t = 0; t < g.taps; ++t, ++row) {
      const int8_t* a[kM];
      SMELT_UNROLL for (int i = 0; i < kM; ++i) a[i] = static_cast<const int8_t*>(row[size_t(i) * g.taps]);
      if constexpr (Sum::kBlocks) {
        for (size_t k = 0; k < g.kc; k += g.quant_block) {
          run_of_k<kM>(acc, a, k, g.quant_block, rhs);
          SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
            SMELT_UNROLL for (int i = 0; i < kM; ++i) {
              const Int whole = total<kM>(acc, i, j);
              SMELT_UNROLL for (int s = 0; s < kSplit<kM>; ++s) acc[s][i][j] = V::zero_int();
              sum[i][j].end_block(whole, rhs, j * V::kLanes);
            }
          }
          rhs += nr() * 2;
        }
      } else {
        run_of_k<kM>(acc, a, 0, g.kc, rhs);
      }
    }
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
        const size_t at = size_t(j) * V::kLanes;
        if (at < nb) sum[i][j].finish(g, m0 + i, n0 + at, total<kM>(acc, i, j), rhs, at, nr(), nb - at);
      }
    }
  }

 private:
  using Int = typename V::Int;
  static constexpr size_t kGroup = Weights::kWords * V::kK;
  /// Elements of a row that are converted at a time.
  static constexpr size_t kStretch = 256;
  /// Low tiles keep several sums per output, each for some of the groups: enough independent chains of additions for two
  /// units of four cycles' latency.
  template <int kM>
  static constexpr int kSplit = kM * kVecs >= 8 ? 1 : 8 / (kM * kVecs);

  template <int kM>
  static SMELT_INLINE Int total(const Int (&acc)[kSplit<kM>][kM][kVecs], int i, int j) {
    Int sum = acc[0][i][j];
    SMELT_UNROLL for (int s = 1; s < kSplit<kM>; ++s) sum = V::add(sum, acc[s][i][j]);
    return sum;
  }

  /// The products of `count` consecutive k, from a[i] + k on.
  template <int kM>
  static SMELT_INLINE void run_of_k(Int (&acc)[kSplit<kM>][kM][kVecs], const int8_t* const (&a)[kM], size_t k,
                                    size_t count, const std::byte*& rhs) {
    if constexpr (requires { typename V::Staged; }) {
      typename V::Staged staged[kM][kStretch];
      const typename V::Staged* s[kM];
      SMELT_UNROLL for (int i = 0; i < kM; ++i) s[i] = staged[i];
      for (const size_t end = k + count; k < end; k += kStretch) {
        const size_t stretch = end - k < kStretch ? end - k : kStretch;
        SMELT_UNROLL for (int i = 0; i < kM; ++i) V::stage(staged[i], a[i] + k, stretch);
        groups<kM>(acc, s, 0, (stretch + kGroup - 1) / kGroup, rhs);
      }
    } else {
      groups<kM>(acc, a, k, count / kGroup, rhs);
      if (const size_t rest = count % kGroup; rest != 0) {
        mac<kM>(acc[0], rhs, [&](int i, int w) SMELT_INLINE_LAMBDA {
          const size_t before = size_t(w) * V::kK;
          return V::splat_k_part(a[i] + k + count - rest + before, rest > before ? rest - before : 0);
        });
        rhs += kVecs * Weights::kVecBytes;
      }
    }
  }

  template <int kM, class Elem>
  static SMELT_INLINE void groups(Int (&acc)[kSplit<kM>][kM][kVecs], const Elem* const (&a)[kM], size_t k, size_t count,
                                  const std::byte*& rhs) {
    constexpr size_t kBytes = kVecs * Weights::kVecBytes, split = kSplit<kM>;
    const auto group = [&](Int(&sums)[kM][kVecs], size_t at) SMELT_INLINE_LAMBDA {
      mac<kM>(sums, rhs, [&](int i, int w) SMELT_INLINE_LAMBDA { return V::splat_k(a[i] + at + size_t(w) * V::kK); });
      rhs += kBytes;
    };
    size_t x = 0;
    if constexpr (split > 1) {
      for (; x + split <= count; x += split, k += split * kGroup)
        SMELT_UNROLL for (size_t s = 0; s < split; ++s) group(acc[s], k + s * kGroup);
    }
    for (; x < count; ++x, k += kGroup) group(acc[0], k);
  }

  template <int kM, class Lhs>
  static SMELT_INLINE void mac(Int (&acc)[kM][kVecs], const std::byte* rhs, Lhs lhs) {
    typename V::Bytes b[kVecs][Weights::kWords];
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j) Weights::load(rhs + j * Weights::kVecBytes, b[j]);
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      SMELT_UNROLL for (int w = 0; w < Weights::kWords; ++w) {
        const typename V::Bytes x = lhs(i, w);
        SMELT_UNROLL for (int j = 0; j < kVecs; ++j) acc[i][j] = V::dot(acc[i][j], b[j][w], x);
      }
    }
  }
};

}  // namespace
}  // namespace smelt
