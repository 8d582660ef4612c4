// What becomes of sums of int8 products, written once for all ISAs: one policy per kind of output.
//
// The algebra, with q and w the stored values, z and u the zero points of the two sides and
// d = V::kLhsOffset, which the kernel adds to each q. Weights are packed as w - u, so u is gone;
// rowsum = sum of (w - u), over k, for each column.
//
//   sum (q - z)(w - u)  =  sum (q + d)(w - u)  -  (z + d) rowsum
//
// - Static rows (z is known when weights are packed): the packer folds -(z + d) rowsum into the
//   bias: kFoldedBias.
// - Dynamic rows (z comes with each row): the sum gets -(z + d) rowsum at the end.
// - Padding (a row of stored value z) and k beyond the end (weights of 0) contribute nothing to
//   either side.
//
// int32 wraps around; a result that fits is exact even where a partial sum did not.
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

/// Each policy says how many fields of 4 bytes per column are before and behind a panel's data, and
/// has start(panel, at), the sum that an accumulator begins with, and the static
///
///   finish<kPanel, kTimes, Store>(sums, g, i, j, acc, tail, count)
///
/// for kVecs vectors of row i of the output, from column j on, of which `count` columns exist. They
/// are the first of the kPanel vectors of a panel, or all of it. Sums are kTimes as large as the
/// products, a power of two: neither the difference nor its conversion to float rounds in another
/// way for that. Floats are stored by a Store, usually the policy's own.

/// int8 -> int8. Layout: kFoldedBias | data | kScale.
template <class V>
struct StaticSum {
  static constexpr bool kDynamicRows = false;
  static constexpr bool kBlocks = false;
  static constexpr size_t kHeadFields = 1;
  static constexpr size_t kTailFields = 1;

  SMELT_INLINE typename V::Int start(const std::byte* panel, size_t at) const {
    return V::load_int(panel + at * 4);
  }

  /// Block is a GemmBlock or a DwconvBlock.
  template <int kPanel = 0, int kTimes = 1, int kVecs, class Block>
  static SMELT_INLINE void finish(const StaticSum (&)[kVecs], const Block& g, size_t i, size_t j,
                                  const typename V::Int (&acc)[kVecs], const std::byte* tail,
                                  size_t count) {
    typename V::Float scaled[kVecs];
    SMELT_UNROLL for (int v = 0; v < kVecs; ++v) scaled[v] =
        V::mul(V::to_float(acc[v]), V::load_float(tail + v * V::kLanes * 4));
    V::store_s8(static_cast<int8_t*>(g.out[i]) + j, scaled, g.stage, count);
  }
};

/// Dynamic int8 rows, a scale per channel -> Store's type. Layout: data | kBias, kRowSum, kScale.
template <class V, class UsualStore>
struct DynamicSum {
  using Stores = UsualStore;
  static constexpr bool kDynamicRows = true;
  static constexpr bool kBlocks = false;
  static constexpr size_t kHeadFields = 0;
  static constexpr size_t kTailFields = 3;

  SMELT_INLINE typename V::Int start(const std::byte*, size_t) const { return V::zero_int(); }

  template <int kPanel = 0, int kTimes = 1, class Store = UsualStore, int kVecs>
  static SMELT_INLINE void finish(const DynamicSum (&)[kVecs], const GemmBlock& g, size_t i,
                                  size_t j, const typename V::Int (&acc)[kVecs],
                                  const std::byte* tail, size_t count) {
    constexpr size_t kField = (kPanel == 0 ? kVecs : kPanel) * V::kLanes * 4;
    const RowQuant row = g.row_quant[i * g.row_quant_stride];
    const auto bounds = Store::bounds(g.stage);
    auto* out = static_cast<typename Store::Elem*>(g.out[i]) + j;
    SMELT_UNROLL for (int v = 0; v < kVecs; ++v) {
      const size_t at = v * V::kLanes;
      const std::byte* field = tail + at * 4;
      const typename V::Int sum =
          V::sub_scaled(acc[v], V::load_int(field + kField), (row.zero + V::kLhsOffset) * kTimes);
      const typename V::Float scale =
          V::mul(V::load_float(field + 2 * kField), V::splat(row.scale / kTimes));
      const typename V::Float real = V::fma(V::to_float(sum), scale, V::load_float(field));
      Store::store(out + at, real, bounds, count > at ? count - at : 0);
    }
  }
};

/// Dynamic int8 rows, a scale per block -> Store's type. Layout: data with block scales | kBias,
/// kScaledRowSum.
template <class V, class UsualStore>
struct BlockSum {
  using Stores = UsualStore;
  static constexpr bool kDynamicRows = true;
  static constexpr bool kBlocks = true;
  static constexpr size_t kHeadFields = 0;
  static constexpr size_t kTailFields = 2;

  SMELT_INLINE typename V::Int start(const std::byte*, size_t) {
    total = V::splat(0);
    return V::zero_int();
  }
  SMELT_INLINE void end_block(typename V::Int acc, typename V::Float scale) {
    total = V::fma(V::to_float(acc), scale, total);
  }

  template <int kPanel = 0, int kTimes = 1, class Store = UsualStore, int kVecs>
  static SMELT_INLINE void finish(const BlockSum (&sums)[kVecs], const GemmBlock& g, size_t i,
                                  size_t j, const typename V::Int (&)[kVecs], const std::byte* tail,
                                  size_t count) {
    constexpr size_t kField = (kPanel == 0 ? kVecs : kPanel) * V::kLanes * 4;
    const RowQuant row = g.row_quant[i * g.row_quant_stride];
    const auto bounds = Store::bounds(g.stage);
    auto* out = static_cast<typename Store::Elem*>(g.out[i]) + j;
    SMELT_UNROLL for (int v = 0; v < kVecs; ++v) {
      const size_t at = v * V::kLanes;
      const std::byte* field = tail + at * 4;
      const typename V::Float zero = V::splat(-float(row.zero + V::kLhsOffset));
      const typename V::Float sum = V::fma(V::load_float(field + kField), zero,
                                           V::mul(sums[v].total, V::splat(1.0f / kTimes)));
      const typename V::Float real = V::fma(sum, V::splat(row.scale), V::load_float(field));
      Store::store(out + at, real, bounds, count > at ? count - at : 0);
    }
  }

  typename V::Float total;
};

}  // namespace
}  // namespace smelt
