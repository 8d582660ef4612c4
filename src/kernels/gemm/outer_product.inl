// Multiplying by outer products, in float32: each step of k adds a column of the left side times a
// row of the right one.
//
// - V is a vector of floats: Reg, kLanes, splat, add, fma(lhs, rhs, sum), load_f32, kChains (how
//   many independent sums keep the units for fma() busy: their number x its latency).
// - Lhs reads one step of a row: Elem, splat(const Elem*). If it has `Staged`, rows are converted
//   first, see staged_rows.inl; splat then takes a const Staged*, and kStep elements make a step;
//   Rows says whether that happens here or before. If it has kAtOnce, so many steps of a row are
//   read together, load_steps(const Elem*), and multiplied by V::fma_lane<step>(steps, rhs, sum).
// - Rhs reads a vector of packed weights: Elem (all of a column's kr), load(const Elem*).
// - Store writes finished sums: Elem, bounds(stage), store(Elem*, Reg, bounds, count); a count of 0
//   or more than kLanes is possible.
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"
#include "kernels/gemm/staged_rows.inl"

namespace smelt {
namespace {

/// Up to kHeight x (kVecs vectors) accumulators, of the kPanel vectors of a panel. If V has
/// kNarrowTiles, a panel with half as many columns or fewer gets a tile of half as many vectors,
/// and twice as high if it is low. The rhs layout is {kBias} at the head, kr = elements of a step.
template <class V, class Lhs, class Rhs, class Store, int kHeight, int kVecs,
          template <class> class Rows = UsualRows, int kPanel = kVecs>
struct OuterProduct {
  static constexpr int kRows = kHeight;
  static constexpr size_t nr() { return kPanel * V::kLanes; }

  static SMELT_INLINE size_t run(const GemmBlock& g, size_t m0, size_t left, const std::byte* panel,
                                 size_t n0, size_t nb) {
    if constexpr (kVecs > 1 && requires { V::kNarrowTiles; })
      if (nb <= kVecs / 2 * V::kLanes) return Narrow::run(g, m0, left, panel, n0, nb);
    return run_evenly<OuterProduct>(g, m0, left, panel, n0, nb);
  }

  static constexpr int kNarrowRows = kHeight < 12 ? 2 * kHeight : kHeight;
  using Narrow = OuterProduct<V, Lhs, Rhs, Store, kNarrowRows, kVecs / 2, Rows, kPanel>;

  template <int kM>
  static SMELT_NOINLINE void rows(const GemmBlock& block, size_t m0, const std::byte* panel,
                                  size_t n0, size_t nb) {
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
    Rows<Lhs>::template for_each_stretch<step_elements(), kM>(
        g, m0, [&](const auto& a, size_t steps) SMELT_INLINE_LAMBDA {
          accumulate<kM>(acc, a, steps, rhs);
        });

    const auto bounds = Store::bounds(g.stage);
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      auto* o = static_cast<typename Store::Elem*>(g.out[m0 + i]) + n0;
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
        SMELT_UNROLL for (int s = 1; s < kSplit<kM>; ++s) acc[0][i][j] =
            V::add(acc[0][i][j], acc[s][i][j]);
        const size_t at = size_t(j) * V::kLanes;
        Store::store(o + at, acc[0][i][j], bounds, nb > at ? nb - at : 0);
      }
    }
  }

 private:
  using Reg = typename V::Reg;
  using RhsElem = typename Rhs::Elem;
  /// Low tiles keep several sums per output, each for some of the steps.
  template <int kM>
  static constexpr int kSplit = kM * kVecs >= V::kChains ? 1 : V::kChains / (kM * kVecs);

  struct Weights {
    explicit SMELT_INLINE Weights(const RhsElem* rhs) {
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) v[j] = Rhs::load(rhs + j * V::kLanes);
    }
    decltype(Rhs::load(nullptr)) v[kVecs];
  };

  template <int kM, class Elem>
  static SMELT_INLINE void step(Reg (&acc)[kM][kVecs], const Elem* const (&a)[kM], size_t k,
                                const RhsElem* rhs) {
    const Weights b(rhs);
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      const auto x = Lhs::splat(a[i] + k);
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) acc[i][j] = V::fma(x, b.v[j], acc[i][j]);
    }
  }

  /// Steps kLane … kAtOnce - 1 of those in x.
  template <int kM, size_t kLane = 0, class Steps>
  static SMELT_INLINE void lanes(Reg (&acc)[kSplit<kM>][kM][kVecs], const Steps (&x)[kM],
                                 const RhsElem* rhs) {
    const Weights b(rhs + kLane * nr());
    auto& sum = acc[kLane % kSplit<kM>];
    SMELT_UNROLL for (int i = 0; i < kM; ++i) SMELT_UNROLL for (int j = 0; j < kVecs; ++j)
        sum[i][j] = V::template fma_lane<kLane>(x[i], b.v[j], sum[i][j]);
    if constexpr (kLane + 1 < Lhs::kAtOnce) lanes<kM, kLane + 1>(acc, x, rhs);
  }

  template <int kM, class Elem>
  static SMELT_INLINE void accumulate(Reg (&acc)[kSplit<kM>][kM][kVecs], const Elem* const (&a)[kM],
                                      size_t steps, const RhsElem*& rhs) {
    if constexpr (requires { Lhs::kAtOnce; }) return accumulate_at_once<kM>(acc, a, steps, rhs);
    constexpr size_t split = kSplit<kM>, stride = step_elements();
    size_t k = 0;
    if constexpr (split > 1) {
      SMELT_KEEP_LOOP for (; k + split <= steps; k += split)
          SMELT_UNROLL for (size_t s = 0; s < split; ++s, rhs += nr())
              step<kM>(acc[s], a, (k + s) * stride, rhs);
    }
    SMELT_KEEP_LOOP for (; k < steps; ++k, rhs += nr()) step<kM>(acc[0], a, k * stride, rhs);
  }

  /// Pointers of their own for every row, and counts down to zero: both move on with the
  /// instructions that use them.
  template <int kM, class Elem>
  static SMELT_INLINE void accumulate_at_once(Reg (&acc)[kSplit<kM>][kM][kVecs],
                                              const Elem* const (&a)[kM], size_t steps,
                                              const RhsElem*& rhs) {
    const Elem* p[kM];
    SMELT_UNROLL for (int i = 0; i < kM; ++i) p[i] = a[i];
    SMELT_KEEP_LOOP for (size_t n = steps / Lhs::kAtOnce; n != 0; --n, rhs += Lhs::kAtOnce * nr()) {
      decltype(Lhs::load_steps(p[0])) x[kM];
      SMELT_UNROLL for (int i = 0; i < kM; ++i) {
        x[i] = Lhs::load_steps(p[i]);
        p[i] += Lhs::kAtOnce;
      }
      lanes<kM>(acc, x, rhs);
    }
    SMELT_KEEP_LOOP for (size_t n = steps % Lhs::kAtOnce; n != 0; --n, rhs += nr()) {
      step<kM>(acc[0], p, 0, rhs);
      SMELT_UNROLL for (int i = 0; i < kM; ++i)++ p[i];
    }
  }

  /// Elements of the left side from step to step.
  static constexpr size_t step_elements() {
    if constexpr (requires { Lhs::kStep; }) return Lhs::kStep;
    return 1;
  }
};

}  // namespace
}  // namespace smelt
