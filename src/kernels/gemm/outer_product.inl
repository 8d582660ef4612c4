// Multiplying by outer products, in float32: each k adds a column of the left side times a row of the right one.
//
// V is a vector of floats: Reg, kLanes, zero, splat, fma, load_f32 and what Store needs.
// Lhs reads one element of the left side: Elem, splat(const Elem*).
// Rhs reads a vector of packed weights: Elem, load(const Elem*).
// Store writes finished sums: Elem, bounds(stage), store(Elem*, Reg, bounds, count).
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

/// kRows x (kVecs vectors) accumulators; blocks end in tiles of kTail rows, then of one. The rhs layout is {kBias} at the
/// head, kr = 1.
template <class V, class Lhs, class Rhs, class Store, int kRows, int kTail, int kVecs>
struct OuterProduct {
  static constexpr size_t nr() { return kVecs * V::kLanes; }

  static SMELT_INLINE size_t run(const GemmBlock& g, size_t m0, size_t left, const std::byte* panel, size_t n0,
                                 size_t nb) {
    if (left >= size_t(kRows)) return rows<kRows>(g, m0, panel, n0, nb);
    if (kTail > 1 && left >= size_t(kTail)) return rows<kTail>(g, m0, panel, n0, nb);
    return rows<1>(g, m0, panel, n0, nb);
  }

 private:
  template <int kM>
  static SMELT_INLINE size_t rows(const GemmBlock& g, size_t m0, const std::byte* panel, size_t n0, size_t nb) {
    using Reg = typename V::Reg;
    const float* bias = reinterpret_cast<const float*>(panel);
    const auto* rhs = reinterpret_cast<const typename Rhs::Elem*>(panel + nr() * sizeof(float));

    Reg acc[kM][kVecs];
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
      const Reg b = V::load_f32(bias + j * V::kLanes);
      SMELT_UNROLL for (int i = 0; i < kM; ++i) acc[i][j] = b;
    }
    const void* const* row = g.rows + m0 * g.taps;
    for (size_t t = 0; t < g.taps; ++t, ++row) {
      const typename Lhs::Elem* a[kM];
      SMELT_UNROLL for (int i = 0; i < kM; ++i)
        a[i] = static_cast<const typename Lhs::Elem*>(row[size_t(i) * g.taps]);
      for (size_t k = 0; k < g.kc; ++k, rhs += nr()) {
        Reg b[kVecs];
        SMELT_UNROLL for (int j = 0; j < kVecs; ++j) b[j] = Rhs::load(rhs + j * V::kLanes);
        SMELT_UNROLL for (int i = 0; i < kM; ++i) {
          const Reg x = Lhs::splat(a[i] + k);
          SMELT_UNROLL for (int j = 0; j < kVecs; ++j) acc[i][j] = V::fma(x, b[j], acc[i][j]);
        }
      }
    }

    const auto bounds = Store::bounds(g.stage);
    SMELT_UNROLL for (int i = 0; i < kM; ++i) {
      auto* o = static_cast<typename Store::Elem*>(g.out[m0 + i]) + n0;
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
        const size_t at = size_t(j) * V::kLanes;
        if (at < nb) Store::store(o + at, acc[i][j], bounds, nb - at);
      }
    }
    return kM;
  }
};

}  // namespace
}  // namespace smelt
