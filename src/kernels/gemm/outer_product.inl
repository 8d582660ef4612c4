// Multiplying by outer products, in float32: each step of k adds a column of the left side times a row of the right one.
//
// V is a vector of floats: Reg, kLanes, splat, add, fma(lhs, rhs, sum), load_f32.
// Lhs reads one step of a row: Elem, splat(const Elem*). If it has `Staged`, rows are converted first, see staged_rows.inl;
//   splat then takes a const Staged*, and kStep elements make a step; Rows says whether that happens here or before.
// Rhs reads a vector of packed weights: Elem (all of a column's kr), load(const Elem*).
// Store writes finished sums: Elem, bounds(stage), store(Elem*, Reg, bounds, count); a count of 0 or more than kLanes is
//   possible.
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"
#include "kernels/gemm/staged_rows.inl"

namespace smelt {
namespace {

/// Up to kHeight x (kVecs vectors) accumulators. The rhs layout is {kBias} at the head, kr = elements of a step.
template <class V, class Lhs, class Rhs, class Store, int kHeight, int kVecs, template <class> class Rows = StagedRows>
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
    if constexpr (requires { typename Lhs::Staged; }) {
      Rows<Lhs>::template for_each_stretch<Lhs::kStep, kM>(
          g, m0, [&](const auto& a, size_t steps) SMELT_INLINE_LAMBDA { accumulate<kM>(acc, a, steps, rhs); });
    } else {
      const void* const* row = g.rows + m0 * g.taps;
      for (size_t t = 0; t < g.taps; ++t, ++row) {
        const typename Lhs::Elem* a[kM];
        SMELT_UNROLL for (int i = 0; i < kM; ++i)
          a[i] = static_cast<const typename Lhs::Elem*>(row[size_t(i) * g.taps]);
        accumulate<kM>(acc, a, g.kc, rhs);
      }
    }

    const auto bounds = Store::bounds(g.stage);
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      auto* o = static_cast<typename Store::Elem*>(g.out[m0 + i]) + n0;
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
        SMELT_UNROLL for (int s = 1; s < kSplit<kM>; ++s) acc[0][i][j] = V::add(acc[0][i][j], acc[s][i][j]);
        const size_t at = size_t(j) * V::kLanes;
        Store::store(o + at, acc[0][i][j], bounds, nb > at ? nb - at : 0);
      }
    }
  }

 private:
  using Reg = typename V::Reg;
  using RhsElem = typename Rhs::Elem;
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
    constexpr size_t split = kSplit<kM>, stride = stride_of_steps<Elem>();
    size_t k = 0;
    if constexpr (split > 1) {
      SMELT_KEEP_LOOP for (; k + split <= steps; k += split)
        SMELT_UNROLL for (size_t s = 0; s < split; ++s, rhs += nr()) step<kM>(acc[s], a, (k + s) * stride, rhs);
    }
    SMELT_KEEP_LOOP for (; k < steps; ++k, rhs += nr()) step<kM>(acc[0], a, k * stride, rhs);
  }

  /// Elements of `a` from step to step.
  template <class Elem>
  static constexpr size_t stride_of_steps() {
    if constexpr (requires { typename Lhs::Staged; }) return Lhs::kStep;
    return 1;
  }
};

}  // namespace
}  // namespace smelt
