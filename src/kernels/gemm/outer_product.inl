// Multiplying by outer products, in float32: each step of k adds a column of the left side times a row of the right one.
//
// V is a vector of floats: Reg, kLanes, splat, add, fma, load_f32.
// Lhs reads one step of a row: Elem, splat(const Elem*). If it has `Staged`, a stretch of each row is first converted to
//   that type (kStagedElems elements make one; what is beyond the end is 0): stage(Staged*, const Elem*, count) writes
//   whole multiples of 16 elements; splat then takes a const Staged*.
// Rhs reads a vector of packed weights: Elem (all of a column's kr), load(const Elem*).
// Store writes finished sums: Elem, bounds(stage), store(Elem*, Reg, bounds, count).
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

/// Up to kHeight x (kVecs vectors) accumulators. The rhs layout is {kBias} at the head, kr = elements of a step.
template <class V, class Lhs, class Rhs, class Store, int kHeight, int kVecs>
struct OuterProduct {
  static constexpr int kRows = kHeight;
  static constexpr size_t nr() { return kVecs * V::kLanes; }

  static SMELT_INLINE size_t run(const GemmBlock& g, size_t m0, size_t left, const std::byte* panel, size_t n0,
                                 size_t nb) {
    return run_evenly<OuterProduct>(g, m0, left, panel, n0, nb);
  }

  template <int kM>
  static SMELT_NOINLINE void rows(const GemmBlock& block, size_t m0, const std::byte* panel, size_t n0, size_t nb) {
    const GemmBlock g = block;  // a copy, which stores to the output cannot change
    const float* bias = reinterpret_cast<const float*>(panel);
    const auto* rhs = reinterpret_cast<const RhsElem*>(panel + nr() * sizeof(float));

    Reg acc[kSplit<kM>][kM][kVecs];
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
      const Reg b = V::load_f32(bias + j * V::kLanes);
      SMELT_UNROLL for (int i = 0; i < kM; ++i) {
        acc[0][i][j] = b;
        SMELT_UNROLL for (int s = 1; s < kSplit<kM>; ++s) acc[s][i][j] = V::splat(0);
      }
    }
    const void* const* row = g.rows + m0 * g.taps;
    for (size_t t = 0; t < g.taps; ++t, ++row) {
      const LhsElem* a[kM];
      SMELT_UNROLL for (int i = 0; i < kM; ++i) a[i] = static_cast<const LhsElem*>(row[size_t(i) * g.taps]);
      if constexpr (requires { typename Lhs::Staged; }) {
        typename Lhs::Staged staged[kM][kStretch / Lhs::kStagedElems];
        const typename Lhs::Staged* s[kM];
        SMELT_UNROLL for (int i = 0; i < kM; ++i) s[i] = staged[i];
        for (size_t k = 0; k < g.kc; k += kStretch) {
          const size_t count = g.kc - k < kStretch ? g.kc - k : kStretch;
          SMELT_UNROLL for (int i = 0; i < kM; ++i) Lhs::stage(staged[i], a[i] + k, count);
          accumulate<kM>(acc, s, (count + Lhs::kStagedElems - 1) / Lhs::kStagedElems, rhs);
        }
      } else {
        accumulate<kM>(acc, a, g.kc, rhs);
      }
    }

    const auto bounds = Store::bounds(g.stage);
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      auto* o = static_cast<typename Store::Elem*>(g.out[m0 + i]) + n0;
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
        SMELT_UNROLL for (int s = 1; s < kSplit<kM>; ++s) acc[0][i][j] = V::add(acc[0][i][j], acc[s][i][j]);
        const size_t at = size_t(j) * V::kLanes;
        if (at < nb) Store::store(o + at, acc[0][i][j], bounds, nb - at);
      }
    }
  }

 private:
  using Reg = typename V::Reg;
  using LhsElem = typename Lhs::Elem;
  using RhsElem = typename Rhs::Elem;
  /// Elements of a row that are converted at a time.
  static constexpr size_t kStretch = 256;
  /// Low tiles keep several sums per output, each for some of the steps: enough independent chains of additions for two
  /// units of four cycles' latency.
  template <int kM>
  static constexpr int kSplit = kM * kVecs >= 8 ? 1 : 8 / (kM * kVecs);

  template <int kM, class Elem>
  static SMELT_INLINE void step(Reg (&acc)[kM][kVecs], const Elem* const (&a)[kM], size_t k, const RhsElem* rhs) {
    Reg b[kVecs];
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j) b[j] = Rhs::load(rhs + j * V::kLanes);
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      const Reg x = Lhs::splat(a[i] + k);
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) acc[i][j] = V::fma(x, b[j], acc[i][j]);
    }
  }

  template <int kM, class Elem>
  static SMELT_INLINE void accumulate(Reg (&acc)[kSplit<kM>][kM][kVecs], const Elem* const (&a)[kM], size_t steps,
                                      const RhsElem*& rhs) {
    constexpr size_t split = kSplit<kM>;
    size_t k = 0;
    if constexpr (split > 1) {
      for (; k + split <= steps; k += split)
        SMELT_UNROLL for (size_t s = 0; s < split; ++s, rhs += nr()) step<kM>(acc[s], a, k + s, rhs);
    }
    for (; k < steps; ++k, rhs += nr()) step<kM>(acc[0], a, k, rhs);
  }
};

}  // namespace
}  // namespace smelt
